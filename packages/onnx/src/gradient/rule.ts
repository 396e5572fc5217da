import { GradientError } from '../errors.ts';
import type { Attribute, Node, Value } from '../value.ts';

/**
 * The gradient of the loss in each input of a node, given its gradients in the outputs (`undefined` where the loss
 * does not depend on an output). `'zero'` where an input has no influence to first order, `undefined` where there is
 * no gradient. A gradient may have the shape that its input was broadcast to: the walk sums it back.
 */
export type Rule = (node: Node, gradients: readonly (Value | undefined)[]) => readonly InputGradient[];

export type InputGradient = Value | 'zero' | undefined;

/** The inputs of a node by place. */
export type Inputs = readonly [Value, Value, Value];

/** A rule for an operator with one output `y`. */
export function from(rule: (gradient: Value, y: Value, inputs: Inputs, node: Node) => readonly InputGradient[]): Rule {
  return (node, gradients) => rule(gradientOf(node, gradients), node.outputs[0]!, inputsOf(node), node);
}

/** The gradient in the first output. The walk calls no rule without a gradient in some output. */
export function gradientOf(node: Node, [gradient]: readonly (Value | undefined)[]): Value {
  if (gradient === undefined) throw new GradientError(node.op, 'the loss does not depend on its first output');
  return gradient;
}

/** The inputs of a node. */
export function inputsOf(node: Node): Inputs {
  // Signatures were checked when the operator was applied: as many inputs as it takes are there, and rules read no more.
  return node.inputs as unknown as Inputs;
}

function attributeOf<K extends PropertyKey>(
  node: Node,
  name: string,
  kind: K,
): Extract<Attribute, Record<K, unknown>>[K] {
  const attribute = node.attributes[name];
  if (attribute === undefined || !(kind in attribute)) throw new GradientError(node.op, `it has no attribute ${name}`);
  return (attribute as Extract<Attribute, Record<K, unknown>>)[kind]; // the kind is in it
}

/** An int attribute of a node. */
export const int = (node: Node, name: string): number => attributeOf(node, name, 'int');

/** A float attribute of a node. */
export const float = (node: Node, name: string): number => attributeOf(node, name, 'float');

/** A string attribute of a node. */
export const string = (node: Node, name: string): string => attributeOf(node, name, 'string');

/** An int-list attribute of a node. */
export const ints = (node: Node, name: string): readonly number[] => attributeOf(node, name, 'ints');
