import { add, sub } from '../ops/elementwise.ts';
import { scatterElements, scatterNd } from '../ops/gather.ts';
import { nodeIf, nodeOf, type Value } from '../value.ts';
import { inputsOf, int } from './rule.ts';

/** Whether a value is `zeros(…)`. */
export function isZeros(value: Value): boolean {
  return nodeIf(value, 'ConstantOfShape') !== undefined;
}

/**
 * The sum of two gradients of one value. What was scattered over zeros is scattered over the other gradient instead:
 * for a tied embedding that saves two passes over [vocabulary, width].
 */
export function accumulate(a: Value, b: Value): Value {
  if (isZeros(a)) return b;
  if (isZeros(b)) return a;
  const negated = nodeIf(b, 'Neg');
  if (negated !== undefined) return sub(a, inputsOf(negated)[0]);
  return scatterOver(a, b) ?? scatterOver(b, a) ?? add(a, b);
}

function scatterOver(data: Value, scattered: Value): Value | undefined {
  const node = nodeOf(scattered);
  if (node === undefined || !isAddOverZeros(scattered)) return undefined;
  const [, indices, updates] = inputsOf(node);
  if (node.op === 'ScatterND') return scatterNd(data, { indices, updates }, { reduction: 'add' });
  return scatterElements(data, { indices, updates, axis: int(node, 'axis') }, { reduction: 'add' });
}

/** Whether a value is updates scattered over zeros: a sparse gradient. */
export function isAddOverZeros(value: Value): boolean {
  const node = nodeIf(value, 'ScatterElements') ?? nodeIf(value, 'ScatterND');
  const reduction = node?.attributes['reduction'];
  return (
    node !== undefined &&
    reduction !== undefined &&
    'string' in reduction &&
    reduction.string === 'add' &&
    isZeros(inputsOf(node)[0])
  );
}
