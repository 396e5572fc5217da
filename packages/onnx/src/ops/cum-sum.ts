import { type DType, tensor } from '@forge/tensor';
import { normalizeAxis } from '../axis.ts';
import { apply, constant, type Value } from '../value.ts';

export interface CumSumOptions {
  /** Whether an element is left out of its own sum. @default false */
  readonly exclusive?: boolean;
  /** Whether sums start from the end. @default false */
  readonly reverse?: boolean;
}

/** The sum of each element and those before it along `axis`. Source: ONNX operator `CumSum`, opset 14. */
export function cumSum<D extends DType>(
  x: Value<D>,
  axis: number,
  { exclusive = false, reverse = false }: CumSumOptions = {},
): Value<D> {
  const at = normalizeAxis('CumSum', axis, x.shape);
  const attributes = { exclusive: { int: Number(exclusive) }, reverse: { int: Number(reverse) } };
  return apply('CumSum', [x, constant(tensor('int64', [], BigInt64Array.of(BigInt(at))))], x, attributes);
}
