// N rows, O output width, I input width
import { input, type Value } from '@forge/onnx';
import { formats } from './formats.ts';
import { type MultipliedWeight, type Quantization, sizeOf } from './quantization.ts';
import { quantizedNames } from './quantized-format.ts';

/** The product by a weight in its quantised form, on inputs of its own. Takes [N, I], returns [N, O]. */
export function quantizedProduct(weight: MultipliedWeight, quantization: Quantization): (x_NI: Value) => Value {
  const format = formats[quantization];
  const names = quantizedNames(weight.name, quantization);
  const { values, scales } = format.partsOf(...sizeOf(weight));
  const parts = {
    values: input(names.values, values.dtype, values.shape),
    scales: input(names.scales, scales.dtype, scales.shape),
  };
  return (x_NI) => format.product(x_NI, parts);
}
