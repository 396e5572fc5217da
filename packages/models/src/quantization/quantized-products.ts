// N rows, O output width, I input width, G groups of a row
import { dynamicQuantizeMatMul, input, matMulFourBits, type Value } from '@forge/onnx';
import type { ModelConfig } from '../config.ts';
import { GROUP_SIZE, multipliedParameters, type Quantization, quantizedNames } from './quantization.ts';

/** The product by each weight that has a quantised form, on inputs of its own. */
export function quantizedProducts(
  config: ModelConfig,
  quantization: Quantization,
): ReadonlyMap<string, (x_NI: Value) => Value> {
  return new Map(
    multipliedParameters(config).map(({ name, shape }) => {
      const [O, I] = shape as readonly [number, number]; // multiplied weights are matrices
      return [name, productOf[quantization](quantizedNames(name, quantization), O, I)];
    }),
  );
}

type Product = (
  names: { readonly values: string; readonly scales: string },
  O: number,
  I: number,
) => (x: Value) => Value;

const productOf: Readonly<Record<Quantization, Product>> = {
  int8({ values, scales }, O, I) {
    const weight_IO = input(values, 'int8', [I, O]);
    const scale_O = input(scales, 'float32', [O]);
    return (x_NI) => dynamicQuantizeMatMul(x_NI, weight_IO, scale_O);
  },
  int4({ values, scales }, O, I) {
    const G = Math.ceil(I / GROUP_SIZE);
    const weight = {
      values: input(values, 'uint8', [O, G, GROUP_SIZE / 2]),
      scales: input(scales, 'float32', [O * G]),
      inputWidth: I,
    };
    return (x_NI) => matMulFourBits(x_NI, weight);
  },
};
