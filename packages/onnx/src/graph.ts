import type { DType, Tensor } from '@forge/tensor';
import type { Dim } from './dim.ts';
import { Naming } from './naming.ts';
import type { Operator } from './operators.ts';
import { topologicalOrder } from './topological-order.ts';
import type { Attributes, Value } from './value.ts';
import { verify } from './verify.ts';

/** An input or output of a graph: what a session is fed and what it returns. */
export interface Port {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

/** A node of a graph: values are names, `''` where an optional operand or output is left out. */
export interface GraphNode {
  readonly name: string;
  readonly op: Operator;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/** A graph as plain data: named, in topological order, without duplicates. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly constants: readonly { readonly name: string; readonly tensor: Tensor }[];
  readonly nodes: readonly GraphNode[];
  /** The dtype and shape of every value, by name. */
  readonly values: ReadonlyMap<string, Port>;
}

export interface GraphOptions {
  /** The inputs that come first, in this order, whether outputs depend on them or not. @default [] */
  readonly inputs?: readonly Value[];
  /** @default 'forge' */
  readonly name?: string;
}

/**
 * The graph that computes `outputs`. Equal computations are done once, and names follow from the structure alone,
 * so graphs that are built alike are equal.
 *
 * @throws {GraphError} when two different inputs have one name, or a name is taken twice.
 */
export function graph(
  outputs: Readonly<Record<string, Value>>,
  { inputs = [], name = 'forge' }: GraphOptions = {},
): Graph {
  const naming = new Naming();
  for (const value of inputs) naming.addInput(value);
  const results = Object.values(outputs);
  const order = topologicalOrder(results);
  for (const value of order.leaves) naming.addLeaf(value);
  for (const node of order.nodes) naming.addNode(node);
  const result = naming.finish(name, outputs);
  verify(result);
  return result;
}
