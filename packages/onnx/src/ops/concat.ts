import type { DType } from '@forge/tensor';
import { normalizeAxis, normalizeSizes } from '../axis.ts';
import { addDims, type Dim, sameDims } from '../dim.ts';
import { DTypeError, ShapeError } from '../errors.ts';
import { type SizesFrom, sizes } from '../sizes.ts';
import { apply, applyAll, type Value } from '../value.ts';
import { unsqueeze } from './reshape.ts';

/**
 * Values one after the other along `axis`; symbolic sizes add up.
 *
 * @throws {ShapeError} when another axis differs.
 * Source: ONNX operator `Concat`, opset 13.
 */
export function concat<D extends DType>(xs: readonly Value<D>[], axis: number): Value<D> {
  const [first] = xs;
  if (first === undefined) throw new DTypeError('Concat', [], 'there is nothing to join');
  const at = normalizeAxis('Concat', axis, first.shape);
  const shape = first.shape.with(at, addDims(...xs.map((x) => x.shape[at] ?? 0)));
  for (const x of xs) {
    if (x.shape.length === shape.length && sameDims(x.shape.with(at, 0), shape.with(at, 0))) continue;
    throw new ShapeError(
      'Concat',
      xs.map((each) => each.shape),
      `only axis ${at} may differ`,
    );
  }
  if (xs.length === 1) return first;
  return apply('Concat', xs, { dtype: first.dtype, shape }, { axis: { int: at } });
}

/**
 * Values of one shape beside each other along a new `axis` of the result.
 *
 * @throws {ShapeError} when their shapes differ.
 * Source: PyTorch's `stack`.
 */
export function stack<D extends DType>(xs: readonly Value<D>[], axis = 0): Value<D> {
  return concat(
    xs.map((x) => unsqueeze(x, [axis])),
    axis,
  );
}

/**
 * Cuts `axis` into pieces of these sizes.
 *
 * @throws {ShapeError} when they do not add up to the size of the axis.
 * Source: ONNX operator `Split`, opset 18.
 */
export function split<D extends DType>(
  x: Value<D>,
  pieces: readonly Dim[],
  axis: number,
  { sizesFrom = [] }: SizesFrom = {},
): readonly Value<D>[] {
  const at = normalizeAxis('Split', axis, x.shape);
  const dims = normalizeSizes('Split', pieces, x.shape);
  if (dims.length === 0) throw new ShapeError('Split', [x.shape], 'there are no pieces to cut it into');
  const sum = addDims(...dims);
  if (sum !== x.shape[at]) throw new ShapeError('Split', [x.shape, dims], `axis ${at} is ${x.shape[at]}, not ${sum}`);
  if (dims.length === 1) return [x];
  const types = dims.map((dim) => ({ dtype: x.dtype, shape: x.shape.with(at, dim) }));
  return applyAll('Split', [x, sizes('Split', dims, [x, ...sizesFrom])], types, { axis: { int: at } });
}
