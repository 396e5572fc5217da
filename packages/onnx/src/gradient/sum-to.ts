import { broadcastsTo } from '../broadcast.ts';
import { type Dim, sameDims } from '../dim.ts';
import { ShapeError } from '../errors.ts';
import { reduceSum } from '../ops/reduce.ts';
import { reshape } from '../ops/reshape.ts';
import type { Value } from '../value.ts';

/**
 * Sums the gradient of a broadcast operand back to the operand's shape.
 *
 * @throws {ShapeError} when `shape` does not broadcast to the shape of the gradient.
 */
export function sumTo(gradient: Value, shape: readonly Dim[], like: Value): Value {
  if (sameDims(gradient.shape, shape)) return gradient;
  if (!broadcastsTo(shape, gradient.shape)) throw new ShapeError('sumTo', [gradient.shape, shape]);
  const added = gradient.shape.length - shape.length;
  const axes = gradient.shape.flatMap((dim, axis) =>
    axis < added || (shape[axis - added] === 1 && dim !== 1) ? [axis] : [],
  );
  return reshape(reduceSum(gradient, axes), shape, { sizesFrom: [like] });
}
