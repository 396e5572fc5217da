// N rows, O output width, I input width
import { dynamicQuantizeMatMul, input, type Value } from '@forge/onnx';
import type { ModelConfig } from '../config.ts';
import { multipliedParameters, quantizedNames } from './quantization.ts';

/** The product by each weight that has a quantised form, on inputs of its own: int8 [I, O] and float32 [O]. */
export function quantizedProducts(config: ModelConfig): ReadonlyMap<string, (x_NI: Value) => Value> {
  return new Map(
    multipliedParameters(config).map(({ name, shape }) => {
      const [O, I] = shape as readonly [number, number]; // multiplied weights are matrices
      const { values, scales } = quantizedNames(name);
      const weight_IO = input(values, 'int8', [I, O]);
      const scale_O = input(scales, 'float32', [O]);
      return [name, (x_NI) => dynamicQuantizeMatMul(x_NI, weight_IO, scale_O)];
    }),
  );
}
