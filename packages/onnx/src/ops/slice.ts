import type { DType } from '@forge/tensor';
import { normalizeAxis } from '../axis.ts';
import { addDims, type Dim, normalizeDim, subtractDims } from '../dim.ts';
import { ShapeError } from '../errors.ts';
import { integers, type SizesFrom, sizes } from '../sizes.ts';
import { apply, type Value } from '../value.ts';
import { scalar } from './constant.ts';

/** A range of one axis. Negative places count from its end. */
export interface Range extends SizesFrom {
  readonly axis: number;
  /** @default 0 */
  readonly start?: Dim;
  /** @default the size of the axis */
  readonly end?: Dim;
}

/**
 * The range `[start, end)` of one axis. A number as `end` of a symbolic axis promises that the axis is that long.
 *
 * @throws {ShapeError} when a range of known sizes leaves the axis.
 * Source: ONNX operator `Slice`, opset 13.
 */
export function slice<D extends DType>(x: Value<D>, range: Range): Value<D> {
  const axis = normalizeAxis('Slice', range.axis, x.shape);
  const size = x.shape[axis]!;
  const start = place(range.start ?? 0, size);
  const end = place(range.end ?? size, size);
  const length = subtractDims(end, start);
  const outside = [start, length, subtractDims(size, end)].some((dim) => typeof dim === 'number' && dim < 0);
  if (outside) throw new ShapeError('Slice', [x.shape], `[${start}, ${end}) is no range of axis ${axis}`);
  if (start === 0 && end === size) return x;
  const from = [x, ...(range.sizesFrom ?? [])];
  const starts = sizes('Slice', [start], from);
  const ends = sizes('Slice', [end], from);
  const shape = x.shape.with(axis, length);
  return apply('Slice', [x, starts, ends, integers([axis]), integers([1])], { dtype: x.dtype, shape });
}

function place(at: Dim, size: Dim): Dim {
  return typeof at === 'number' && at < 0 ? addDims(size, at) : normalizeDim(at);
}

/** How many zeros go before and after one axis. */
export interface Padding extends SizesFrom {
  readonly axis: number;
  /** @default 0 */
  readonly before?: Dim;
  /** @default 0 */
  readonly after?: Dim;
}

/** `x` with zeros before and after along one axis. Source: ONNX operator `Pad`, opset 19. */
export function pad<D extends DType>(x: Value<D>, { axis, before = 0, after = 0, sizesFrom = [] }: Padding): Value<D> {
  const at = normalizeAxis('Pad', axis, x.shape);
  const pads = [normalizeDim(before), normalizeDim(after)];
  if (pads.some((dim) => typeof dim === 'number' && dim < 0)) throw new ShapeError('Pad', [x.shape, pads]);
  if (pads.every((dim) => dim === 0)) return x;
  const shape = x.shape.with(at, addDims(x.shape[at]!, ...pads));
  const amounts = sizes('Pad', pads, [x, ...sizesFrom]);
  return apply('Pad', [x, amounts, scalar(0, x.dtype), integers([at])], { dtype: x.dtype, shape });
}
