import { createHash } from 'node:crypto';
import { bytesOf, type DType, type Tensor } from '@forge/tensor';
import type { Dim } from './dim.ts';
import { GraphError } from './errors.ts';
import { isOptionalOutput, type Operator } from './operators.ts';
import { topologicalOrder } from './topological-order.ts';
import type { Attributes, Node, Value } from './value.ts';
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
  const writer = new Naming();
  for (const value of inputs) writer.addInput(value);
  const results = Object.values(outputs);
  const order = topologicalOrder(results);
  for (const value of order.leaves) writer.addLeaf(value);
  for (const node of order.nodes) writer.addNode(node);
  const result = writer.finish(name, outputs);
  verify(result);
  return result;
}

interface Draft {
  readonly node: Node;
  readonly key: string;
  readonly inputs: readonly string[];
  readonly used: Set<number>;
}

/** Gives every value its name: inputs keep theirs, equal constants and equal nodes share one. */
class Naming {
  readonly #inputs = new Map<string, Value>();
  readonly #constants = new Map<string, Tensor>();
  readonly #drafts = new Map<string, Draft>();
  /** The place `node key:output` or the name of an input or constant. */
  readonly #places = new Map<Value, string>();

  addInput(value: Value): void {
    if (value.source.kind !== 'input') throw new GraphError('inputs', 'holds a value that is computed');
    const { name } = value.source;
    const other = this.#inputs.get(name);
    if (other !== undefined && (other.dtype !== value.dtype || other.shape.join() !== value.shape.join())) {
      throw new GraphError(
        name,
        `is an input twice, as ${other.dtype} [${other.shape}] and ${value.dtype} [${value.shape}]`,
      );
    }
    if (other === undefined) this.#inputs.set(name, value);
    this.#places.set(value, name);
  }

  addLeaf(value: Value): void {
    if (value.source.kind === 'input') this.addInput(value);
    if (value.source.kind !== 'constant') return;
    const { tensor } = value.source;
    const content = `${tensor.dtype}[${tensor.shape}]${createHash('sha256').update(bytesOf(tensor)).digest('base64')}`;
    this.#constants.set(content, this.#constants.get(content) ?? tensor);
    this.#places.set(value, content);
  }

  addNode(node: Node): void {
    const inputs = node.inputs.map((operand) => (operand === undefined ? '' : this.#place(operand)));
    const attributes = JSON.stringify(node.attributes, (_, item: unknown) =>
      typeof item === 'bigint' ? `${item}` : item,
    );
    // A digest keeps the keys of deep graphs short: a key names the keys of its operands.
    const key = createHash('sha256').update(`${node.op}(${inputs.join()})${attributes}`).digest('base64');
    const draft = this.#drafts.get(key) ?? { node, key, inputs, used: new Set() };
    this.#drafts.set(key, draft);
    node.outputs.forEach((output, index) => {
      this.#places.set(output, `${key}:${index}`);
    });
    for (const operand of node.inputs) if (operand !== undefined) this.#use(operand);
  }

  #place(value: Value): string {
    const place = this.#places.get(value);
    if (place === undefined) throw new GraphError('value', 'is used before it is computed');
    return place;
  }

  #use(value: Value): void {
    if (value.source.kind !== 'node') return;
    this.#drafts.get(this.#place(value).slice(0, -`:${value.source.index}`.length))?.used.add(value.source.index);
  }

  finish(graphName: string, outputs: Readonly<Record<string, Value>>): Graph {
    for (const value of Object.values(outputs)) this.#use(value);
    const names = new Map<string, string>();
    const values = new Map<string, Port>();
    const define = (place: string, { dtype, shape }: Value | Tensor, name: string): string => {
      if (values.has(name)) throw new GraphError(name, 'is the name of two values');
      names.set(place, name);
      values.set(name, { name, dtype, shape });
      return name;
    };
    for (const [name, value] of this.#inputs) define(name, value, name);
    const constants = [...this.#constants].map(([place, tensor], i) => ({
      name: define(place, tensor, `/Constant_${i}`),
      tensor,
    }));
    // An output that a node computes gives the node's value its name; one that is an input, a constant or an output
    // already is copied to its name.
    const wanted = new Map<string, string>();
    const copies: [name: string, value: Value][] = [];
    for (const [name, value] of Object.entries(outputs)) {
      if (value.source.kind === 'node' && !wanted.has(this.#place(value))) wanted.set(this.#place(value), name);
      else copies.push([name, value]);
    }
    const nodes: GraphNode[] = [...this.#drafts.values()].map(({ node, key, inputs, used }, i) => ({
      name: `/${node.op}_${i}`,
      op: node.op,
      inputs: inputs.map((place) => (place === '' ? '' : names.get(place)!)),
      outputs: trimmed(node, used).map((output, index) => {
        const place = `${key}:${index}`;
        const suffix = node.outputs.length === 1 ? '' : `:${index}`;
        return define(place, output, wanted.get(place) ?? `/${node.op}_${i}${suffix}`);
      }),
      attributes: node.attributes,
    }));
    for (const [name, value] of copies) {
      const from = names.get(this.#place(value))!;
      define(`copy ${name}`, value, name);
      nodes.push({
        name: `/Identity_${nodes.length}`,
        op: 'Identity',
        inputs: [from],
        outputs: [name],
        attributes: {},
      });
    }
    return {
      name: graphName,
      inputs: [...this.#inputs.keys()].map((name) => values.get(name)!),
      outputs: Object.keys(outputs).map((name) => values.get(name)!),
      constants,
      nodes,
      values,
    };
  }
}

/** The outputs that a node names: the last ones may be left out when nothing reads them. */
function trimmed({ op, outputs }: Node, used: ReadonlySet<number>): readonly Value[] {
  const last = outputs.findLastIndex((_, index) => used.has(index) || !isOptionalOutput(op, index));
  return outputs.slice(0, last + 1);
}
