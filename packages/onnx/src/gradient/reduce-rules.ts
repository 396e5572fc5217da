import { cast } from '../ops/cast.ts';
import { equal } from '../ops/compare.ts';
import { cumSum } from '../ops/cum-sum.ts';
import { div, exp, mul, sub } from '../ops/elementwise.ts';
import { countAlong, reduceSum } from '../ops/reduce.ts';
import { expand, reshape } from '../ops/reshape.ts';
import { dimsOf } from '../sizes.ts';
import type { Value } from '../value.ts';
import { from, int, type Rule } from './rule.ts';

/** Every summand gets the gradient of its sum. */
export const reduceSumRule: Rule = from((gradient, _, [x, axes]) => [spread(gradient, x, axes)]);

/** Every element gets its share of the gradient of the mean. */
export const reduceMeanRule: Rule = from((gradient, _, [x, axes]) => {
  const count = countAlong('ReduceMean', x, dimsOf('ReduceMean', axes).map(Number));
  const share = typeof count === 'number' ? mul(gradient, 1 / count) : div(gradient, count);
  return [spread(share, x, axes)];
});

/** The maxima, or minima, share the gradient. */
export const reduceMaxRule: Rule = from((gradient, y, [x, axes]) => {
  const isExtreme = cast(equal(x, kept(y, x, axes)), x.dtype);
  const count = reduceSum(isExtreme, dimsOf('ReduceMax', axes).map(Number), { keepDims: true });
  return [mul(isExtreme, div(kept(gradient, x, axes), count))];
});

/** Every element gets its softmax of the gradient. */
export const logSumExpRule: Rule = from((gradient, y, [x, axes]) => [
  mul(kept(gradient, x, axes), exp(sub(x, kept(y, x, axes)))),
]);

/** Every summand gets the gradients of the sums that it is part of: those on the other side. */
export const cumSumRule: Rule = from((gradient, _, [, axis], node) => {
  const exclusive = int(node, 'exclusive') === 1;
  const reverse = int(node, 'reverse') === 0;
  return [cumSum(gradient, Number(dimsOf('CumSum', axis)[0]), { exclusive, reverse }), undefined];
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
