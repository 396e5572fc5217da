import type { DType, Tensor } from '@forge/tensor';
import type { Dim } from './dim.ts';
import { Naming } from './naming.ts';
import type { Operator } from './operators.ts';
import { topologicalOrder } from './topological-order.ts';
import type { Attributes, Input, Value } from './value.ts';
import { verify } from './verify.ts';

/** An input or output of a graph: what a session is fed and what it returns. */
export interface Port<Name extends string = string, D extends DType = DType> {
  readonly name: Name;
  readonly dtype: D;
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

/** The ports of inputs that were listed, and of others that were not. */
export type InputPorts<Inputs extends readonly Value[]> = Inputs extends readonly [
  Input<infer Name, infer D>,
  ...infer Rest extends readonly Value[],
]
  ? readonly [Port<Name, D>, ...InputPorts<Rest>]
  : readonly Port[];

/** The port of one of some named values. */
export type OutputPort<Outputs extends Readonly<Record<string, Value>>> = {
  readonly [Name in keyof Outputs & string]: Port<Name, Outputs[Name]['dtype']>;
}[keyof Outputs & string];

/** A graph as plain data: named, in topological order, without duplicates. */
export interface Graph<Inputs extends readonly Port[] = readonly Port[], Output extends Port = Port> {
  readonly name: string;
  readonly inputs: Inputs;
  readonly outputs: readonly Output[];
  readonly constants: readonly { readonly name: string; readonly tensor: Tensor }[];
  readonly nodes: readonly GraphNode[];
  /** The dtype and shape of every value, by name. */
  readonly values: ReadonlyMap<string, Port>;
}

export interface GraphOptions<Inputs extends readonly Value[] = readonly Value[]> {
  /**
   * The inputs that come first, in this order, whether outputs depend on them or not. A session's feeds are typed by them.
   * @default []
   */
  readonly inputs?: Inputs;
  /** @default 'forge' */
  readonly name?: string;
}

/**
 * The graph that computes `outputs`. Equal computations are done once, and names follow from the structure alone,
 * so graphs that are built alike are equal.
 *
 * @throws {GraphError} when two different inputs have one name, or a name is taken twice.
 */
export function graph<
  Outputs extends Readonly<Record<string, Value>>,
  const Inputs extends readonly Value[] = readonly [],
>(
  outputs: Outputs,
  { inputs, name = 'forge' }: GraphOptions<Inputs> = {},
): Graph<InputPorts<Inputs>, OutputPort<Outputs>> {
  const naming = new Naming();
  for (const value of inputs ?? []) naming.addInput(value);
  const results = Object.values(outputs);
  const order = topologicalOrder(results);
  for (const value of order.leaves) naming.addLeaf(value);
  for (const node of order.nodes) naming.addNode(node);
  const result = naming.finish(name, outputs);
  verify(result);
  // Inputs come in the order in which they were listed, and outputs have the names that they were given.
  return result as Graph<InputPorts<Inputs>, OutputPort<Outputs>>;
}
