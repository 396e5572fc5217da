import type { DType } from '@forge/tensor';
import { normalizeAxis } from '../axis.ts';
import { multiplyDims, sameDims } from '../dim.ts';
import { ShapeError } from '../errors.ts';
import { checkSignature } from '../signature.ts';
import { sizes } from '../sizes.ts';
import { apply, type Value } from '../value.ts';
import { mul } from './elementwise.ts';
import { alongOneAxis, numIndexed } from './gather.ts';
import { reduceSum } from './reduce.ts';
import { expand, reshape } from './reshape.ts';

/** What happens to the elements that an update meets: replaced, or added to. */
export interface ScatterOptions {
  /** With `none`, an index must not occur twice. @default 'none' */
  readonly reduction?: 'none' | 'add';
}

/**
 * `x` with `updates` written (or added) along `axis` at `indices` (int32 or int64), which has the shape of `updates`.
 *
 * Source: ONNX operator `ScatterElements`, opset 18.
 */
export function scatterElements<D extends DType>(
  x: Value<D>,
  { indices, updates, axis }: { readonly indices: Value; readonly updates: Value; readonly axis: number },
  { reduction = 'none' }: ScatterOptions = {},
): Value<D> {
  const at = normalizeAxis('ScatterElements', axis, x.shape);
  alongOneAxis('ScatterElements', x, indices, at);
  if (!sameDims(indices.shape, updates.shape)) {
    throw new ShapeError('ScatterElements', [x.shape, indices.shape, updates.shape], 'each index needs one update');
  }
  checkSignature('ScatterElements', [x.dtype, indices.dtype, updates.dtype], [x.dtype]);
  if (updates.shape.includes(0)) return x;
  const attributes = { axis: { int: at }, reduction: { string: reduction } };
  return apply('ScatterElements', [x, indices, updates], x, attributes);
}

/**
 * `x` with the slices `updates` written (or added) at `indices` (int64 [..., k]), places in the first k axes of `x`.
 *
 * Places are ≥ 0 where k > 1 and updates are added.
 *
 * Source: ONNX operator `ScatterND`, opset 18; additions by `ScatterElements`.
 */
export function scatterNd<D extends DType>(
  x: Value<D>,
  { indices, updates }: { readonly indices: Value; readonly updates: Value },
  { reduction = 'none' }: ScatterOptions = {},
): Value<D> {
  const slices = [...indices.shape.slice(0, -1), ...x.shape.slice(numIndexed('ScatterND', x, indices))];
  if (!sameDims(slices, updates.shape)) {
    throw new ShapeError(
      'ScatterND',
      [x.shape, indices.shape, updates.shape],
      `updates must be [${slices.join(', ')}]`,
    );
  }
  checkSignature('ScatterND', [x.dtype, indices.dtype, updates.dtype], [x.dtype]);
  if (updates.shape.includes(0)) return x;
  if (reduction === 'add') return addSlices(x, indices, updates);
  return apply('ScatterND', [x, indices, updates], x, { reduction: { string: 'none' } });
}

/**
 * onnxruntime's `ScatterND` loses additions: its threads add to one slice without a lock. `ScatterElements` adds one
 * element after the other, so its sums are complete, and the same in every run.
 */
function addSlices<D extends DType>(x: Value<D>, indices: Value, updates: Value): Value<D> {
  const depth = numIndexed('ScatterND', x, indices);
  const rest = x.shape.slice(depth);
  const count = multiplyDims(...indices.shape.slice(0, -1));
  const strides = Array.from({ length: depth }, (_, axis) => multiplyDims(...x.shape.slice(axis + 1, depth)));
  const rows = depth === 1 ? indices : reduceSum(mul(indices, sizes('ScatterND', strides, [x])), [-1]);
  const sizesFrom = [x, indices];
  const places = expand(reshape(rows, [count, ...rest.map(() => 1)], { sizesFrom }), [count, ...rest], { sizesFrom });
  const flat = scatterElements(
    reshape(x, [multiplyDims(...x.shape.slice(0, depth)), ...rest]),
    { indices: places, updates: reshape(updates, [count, ...rest], { sizesFrom }), axis: 0 },
    { reduction: 'add' },
  );
  return reshape(flat, x.shape, { sizesFrom });
}
