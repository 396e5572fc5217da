import { add, sub } from '../ops/elementwise.ts';
import { scatterElements } from '../ops/scatter.ts';
import { type Node, nodeIf, type Value } from '../value.ts';
import { inputsOf, int, string } from './rule.ts';

/** Whether a value is `zeros(…)`. */
function isZeros(value: Value): boolean {
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
  const node = addOverZeros(scattered);
  if (node === undefined) return undefined;
  const [, indices, updates] = inputsOf(node);
  return scatterElements(data, { indices, updates, axis: int(node, 'axis') }, { reduction: 'add' });
}

/** The node of a value that is updates added to zeros: a sparse gradient. */
export function addOverZeros(value: Value): Node | undefined {
  const node = nodeIf(value, 'ScatterElements');
  return node !== undefined && string(node, 'reduction') === 'add' && isZeros(inputsOf(node)[0]) ? node : undefined;
}
