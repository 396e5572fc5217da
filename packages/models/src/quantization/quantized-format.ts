// N rows, O output width, I input width
import type { Value } from '@forge/onnx';
import type { DType, Tensor } from '@forge/tensor';
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
}

/** The rows `from` … `to`, which become those from `at` on. */
export interface Rows {
  readonly from: number;
  readonly to: number;
  readonly at: number;
}

/** A way to hold a weight [O, I], and to multiply by it. */
export interface QuantizedFormat {
  partsOf(O: number, I: number): Quantized<PartType>;
  /** Quantises some rows of a weight. */
  quantizeRows(weight: Tensor<'float32'>, rows: Rows, target: Quantized<Tensor>): void;
  /** `x_NI @ weightᵀ`. Returns [N, O]. */
  product(x_NI: Value, weight: Quantized<Value>): Value;
}

/** The inputs that hold a weight in its quantised form. */
export function quantizedNames(name: string, quantization: Quantization): Quantized<string> {
  return { values: `${name}.${quantization}`, scales: `${name}.${quantization}_scales` };
}
