// N rows, O output width, I input width
import { input, split, type Value } from '@forge/onnx';
import type { ModelConfig } from '../config.ts';
import { formats } from './formats.ts';
import { multipliedWeights, type Quantization, sizeOf } from './quantization.ts';
import { quantizedNames } from './quantized-format.ts';

/**
 * The product by each weight that has a quantised form, on inputs of its own. Those of joined weights are pieces of one
 * product, which a graph computes once.
 */
export function quantizedProducts(
  config: ModelConfig,
  quantization: Quantization,
): ReadonlyMap<string, (x_NI: Value) => Value> {
  const format = formats[quantization];
  return new Map(
    multipliedWeights(config).flatMap((each) => {
      const names = quantizedNames(each.name, quantization);
      const { values, scales } = format.partsOf(...sizeOf(each));
      const weight = {
        values: input(names.values, values.dtype, values.shape),
        scales: input(names.scales, scales.dtype, scales.shape),
      };
      const widths = each.parts.map(({ shape }) => shape[0]!); // multiplied weights are matrices
      const product = (index: number) => (x_NI: Value) => split(format.product(x_NI, weight), widths, 1)[index]!;
      return each.parts.map(({ name }, index) => [name, product(index)] as const);
    }),
  );
}
