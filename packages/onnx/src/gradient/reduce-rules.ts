import { divideDims, multiplyDims } from '../dim.ts';
import { cast } from '../ops/cast.ts';
import { equal } from '../ops/compare.ts';
import { div, mul } from '../ops/elementwise.ts';
import { reduceSum } from '../ops/reduce.ts';
import { expand, reshape } from '../ops/reshape.ts';
import { dimsOf, sizes } from '../sizes.ts';
import type { Value } from '../value.ts';
import { from, type Rule } from './rule.ts';

/** Every summand gets the gradient of its sum. */
export const reduceSumRule: Rule = from((gradient, _, [x, axes]) => [spread(gradient, x, axes)]);

/** Every element gets its share of the gradient of the mean. */
export const reduceMeanRule: Rule = from((gradient, y, [x, axes]) => {
  const count = divideDims(multiplyDims(...x.shape), multiplyDims(...y.shape))!; // the sizes of the reduced axes
  if (typeof count === 'number') return [spread(mul(gradient, 1 / count), x, axes)];
  const counted = cast(reshape(sizes('ReduceMean', [count], [x]), []), x.dtype);
  return [spread(div(gradient, counted), x, axes)];
});

/** The maxima share the gradient. */
export const reduceMaxRule: Rule = from((gradient, y, [x, axes]) => {
  const isMaximum = cast(equal(x, kept(y, x, axes)), x.dtype);
  const share = div(
    kept(gradient, x, axes),
    reduceSum(isMaximum, dimsOf('ReduceMax', axes).map(Number), { keepDims: true }),
  );
  return [mul(isMaximum, share)];
});

/** A reduced value with its reduced axes as 1. */
function kept(reduced: Value, x: Value, axes: Value): Value {
  const gone = dimsOf('Reduce', axes);
  const shape = x.shape.map((dim, axis) => (gone.includes(axis) ? 1 : dim));
  return reshape(reduced, shape, { sizesFrom: [x] });
}

function spread(gradient: Value, x: Value, axes: Value): Value {
  return expand(kept(gradient, x, axes), x.shape, { sizesFrom: [x] });
}
