import { cast } from '../ops/cast.ts';
import { zeros } from '../ops/constant.ts';
import { gatherElements, gatherNd } from '../ops/gather.ts';
import { transpose, unsqueeze } from '../ops/reshape.ts';
import { scatterElements, scatterNd } from '../ops/scatter.ts';
import type { Value } from '../value.ts';
import { from, gradientOf, inputsOf, int, type Rule, string } from './rule.ts';

const zerosLike = (x: Value): Value => zeros(x.dtype, x.shape, [x]);

/** Every slice adds its gradient to the place that it was read from, or is all that there is of it. */
export const gatherRule: Rule = from((gradient, _, [x, indices], node) => {
  const axis = int(node, 'axis');
  const places = unsqueeze(cast(indices, 'int64'), [-1]);
  const rank = x.shape.length;
  // Scattering is along the front axis: axis goes there and back.
  const front = [axis, ...Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis)];
  const numPlaces = indices.shape.length;
  const outer = Array.from({ length: gradient.shape.length }, (_, i) => i);
  const updates = transpose(gradient, [...outer.splice(axis, numPlaces), ...outer]);
  const target = zeros(
    x.dtype,
    front.map((i) => x.shape[i]!),
    [x],
  );
  const reduction = node.promises.distinctIndices ? 'none' : 'add';
  const scattered = scatterNd(target, { indices: places, updates }, { reduction });
  return [
    transpose(
      scattered,
      front.map((_, i) => front.indexOf(i)),
    ),
    undefined,
  ];
});

/** Every element adds its gradient to the place that it was read from. */
export const gatherElementsRule: Rule = from((gradient, _, [x, indices], node) => {
  const scatter = { indices, updates: gradient, axis: int(node, 'axis') };
  return [scatterElements(zerosLike(x), scatter, { reduction: 'add' }), undefined];
});

/** Every slice adds its gradient to the place that it was read from. */
export const gatherNdRule: Rule = from((gradient, _, [x, indices]) => {
  return [scatterNd(zerosLike(x), { indices, updates: gradient }, { reduction: 'add' }), undefined];
});

/** Replaced elements have no influence; added ones do. */
export const scatterElementsRule: Rule = from((gradient, _, [, indices, updates], node) => {
  const axis = int(node, 'axis');
  const adds = string(node, 'reduction') === 'add';
  const data = adds ? gradient : scatterElements(gradient, { indices, updates: zerosLike(updates), axis });
  return [data, undefined, gatherElements(gradient, indices, axis)];
});

/** Replaced slices have no influence. Added ones are `ScatterElements`. */
export const scatterNdRule: Rule = from((gradient, _, [, indices, updates]) => {
  return [scatterNd(gradient, { indices, updates: zerosLike(updates) }), undefined, gatherNd(gradient, indices)];
});

/** The largest elements get the gradients of their copies. */
export const topKRule: Rule = (node, gradients) => {
  const [x] = inputsOf(node);
  const scatter = { indices: node.outputs[1]!, updates: gradientOf(node, gradients), axis: int(node, 'axis') };
  return [scatterElements(zerosLike(x), scatter, { reduction: 'add' })];
};
