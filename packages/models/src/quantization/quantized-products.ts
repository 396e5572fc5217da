// N rows, O output width, I input width
import { input, type Value } from '@forge/onnx';
import type { ModelConfig } from '../config.ts';
import { formats } from './formats.ts';
import { multipliedParameters, type Quantization } from './quantization.ts';
import { quantizedNames } from './quantized-format.ts';

/** The product by each weight that has a quantised form, on inputs of its own. */
export function quantizedProducts(
  config: ModelConfig,
  quantization: Quantization,
): ReadonlyMap<string, (x_NI: Value) => Value> {
  const format = formats[quantization];
  return new Map(
    multipliedParameters(config).map(({ name, shape }) => {
      const [O, I] = shape as readonly [number, number]; // multiplied weights are matrices
      const names = quantizedNames(name, quantization);
      const { values, scales } = format.partsOf(O, I);
      const weight = {
        values: input(names.values, values.dtype, values.shape),
        scales: input(names.scales, scales.dtype, scales.shape),
      };
      return [name, (x_NI) => format.product(x_NI, weight)];
    }),
  );
}
