import { sameDims } from '../dim.ts';
import { GradientError, ShapeError } from '../errors.ts';
import { isDifferentiable, type Operator, reasonForNoGradient } from '../operators.ts';
import { scalar, zeros } from '../ops/constant.ts';
import { isFloating } from '../signature.ts';
import { topologicalOrder } from '../topological-order.ts';
import { type Node, nodeOf, type Value } from '../value.ts';
import { accumulate } from './accumulate.ts';
import type { Rule } from './rule.ts';
import { rules } from './rules.ts';
import { sumTo } from './sum-to.ts';

/**
 * The gradients of `loss` in each of `wrt`, as values of the same graph: reverse mode.
 *
 * @param loss - a scalar, unless `outputGradient` is given.
 * @param wrt - inputs or computed values; zeros come back for one that the loss does not depend on.
 * @param outputGradient - the gradient in `loss` of whatever follows, in its shape. @default 1
 * @throws {GradientError} naming the operator through which there is no gradient, but on which a `wrt` acts.
 */
export function gradients<const Wrt extends readonly Value[]>(
  loss: Value,
  wrt: Wrt,
  outputGradient?: Value,
): GradientsIn<Wrt> {
  const start = outputGradient ?? scalar(1, loss.dtype);
  if (!sameDims(start.shape, loss.shape)) {
    const reason =
      outputGradient === undefined
        ? 'a loss is a scalar; pass outputGradient'
        : 'outputGradient has the shape of the loss';
    throw new ShapeError('gradients', [loss.shape, start.shape], reason);
  }
  const { nodes } = topologicalOrder([loss]);
  const dependent = dependents(nodes, wrt);
  const found = new Map<Value, Value>([[loss, start]]);
  for (const node of nodes.toReversed()) {
    const known = node.outputs.map((output) => found.get(output));
    if (!node.inputs.some((operand) => operand !== undefined && dependent.has(operand))) continue;
    if (known.every((gradient) => gradient === undefined)) continue;
    const results = ruleOf(node.op)(node, known);
    node.inputs.forEach((operand, i) => {
      if (operand === undefined || !dependent.has(operand)) return;
      const gradient = results[i];
      if (gradient === 'zero') return;
      if (gradient === undefined) throw new GradientError(node.op, `there is none in its operand ${i}`);
      const summed = sumTo(gradient, operand.shape, operand);
      const before = found.get(operand);
      found.set(operand, before === undefined ? summed : accumulate(before, summed));
    });
  }
  const results = wrt.map((value) => found.get(value) ?? zeros(value.dtype, value.shape, [value]));
  return results as GradientsIn<Wrt>; // one for each value, of its dtype
}

/** A gradient for each value, of its dtype. */
export type GradientsIn<Wrt extends readonly Value[]> = { -readonly [I in keyof Wrt]: Value<Wrt[I]['dtype']> };

/** The floating-point values that some of `wrt` acts on; gradients flow through these alone. */
function dependents(nodes: readonly Node[], wrt: readonly Value[]): ReadonlySet<Value> {
  const dependent = new Set(wrt);
  for (const value of wrt) {
    if (!isFloating(value.dtype))
      throw new GradientError(nodeOf(value)?.op ?? 'an input', `${value.dtype} is not continuous`);
  }
  for (const node of nodes) {
    if (!node.inputs.some((operand) => operand !== undefined && dependent.has(operand))) continue;
    for (const output of node.outputs) if (isFloating(output.dtype)) dependent.add(output);
  }
  return dependent;
}

function ruleOf(op: Operator): Rule {
  if (isDifferentiable(op)) return rules[op];
  throw new GradientError(op, `${reasonForNoGradient(op)}; put stopGradient before it if none should flow`);
}
