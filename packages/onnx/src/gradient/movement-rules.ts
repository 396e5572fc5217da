import { addDims, subtractDims } from '../dim.ts';
import { concat, split } from '../ops/concat.ts';
import { zeros } from '../ops/constant.ts';
import { pad, slice } from '../ops/slice.ts';
import { dimsOf } from '../sizes.ts';
import { from, int, type Rule } from './rule.ts';

/** Each piece gets its part of the gradient. */
export const concatRule: Rule = from((gradient, _, _inputs, node) => {
  const axis = int(node, 'axis');
  const pieces = node.inputs.flatMap((piece) => piece?.shape[axis] ?? []);
  return split(gradient, pieces, axis, { sizesFrom: node.inputs.flatMap((piece) => piece ?? []) });
});

/** The gradients of the pieces, joined; a piece that the loss does not depend on has a gradient of zeros. */
export const splitRule: Rule = (node, gradients) => {
  const pieces = node.outputs.map((piece, i) => gradients[i] ?? zeros(piece.dtype, piece.shape, [piece]));
  return [concat(pieces, int(node, 'axis'))];
};

/** Zeros around the gradient. */
export const sliceRule: Rule = from((gradient, y, [x, starts], node) => {
  const axis = axisOf(node.op, node.inputs[3]!);
  const before = dimsOf(node.op, starts)[0]!;
  const after = subtractDims(x.shape[axis]!, addDims(before, y.shape[axis]!));
  return [pad(gradient, { axis, before, after, sizesFrom: [x] })];
});

/** The gradient without its rim. */
export const padRule: Rule = from((gradient, _, [x, amounts], node) => {
  const axis = axisOf(node.op, node.inputs[3]!);
  const start = dimsOf(node.op, amounts)[0]!;
  return [slice(gradient, { axis, start, end: addDims(start, x.shape[axis]!), sizesFrom: [x] })];
});

function axisOf(op: string, axes: Parameters<typeof dimsOf>[1]): number {
  return Number(dimsOf(op, axes)[0]);
}
