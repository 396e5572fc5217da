// N rows, R rows of a weight, O output width, I input width
import type { Value } from '@forge/onnx';
import type { DType } from '@forge/tensor';
import type { Quantization } from './quantization.ts';

/** A weight [O, I] in a quantised form: its numbers, and what they are multiples of. */
export interface Quantized<Part> {
  readonly values: Part;
  readonly scales: Part;
}

/** What a part of a quantised weight looks like. */
export interface PartType {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The axis along which the outputs lie. */
  readonly outputAxis: number;
}

/** A way to hold a weight [O, I], and to multiply by it. */
export interface QuantizedFormat {
  partsOf(O: number, I: number): Quantized<PartType>;
  /** Some rows of a weight as the parts of one of so many outputs. */
  quantize(weight_RI: Value): Quantized<Value>;
  /** `x_NI @ weightᵀ`. Returns [N, O]. */
  product(x_NI: Value, weight: Quantized<Value>): Value;
}

/** The inputs that hold a weight in its quantised form. */
export function quantizedNames(name: string, quantization: Quantization): Quantized<string> {
  return { values: `${name}.${quantization}`, scales: `${name}.${quantization}_scales` };
}
