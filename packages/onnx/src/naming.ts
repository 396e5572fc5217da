import { createHash } from 'node:crypto';
import { bytesOf, type Tensor } from '@forge/tensor';
import { GraphError } from './errors.ts';
import type { Graph, GraphNode, Port } from './graph.ts';
import { isOptionalOutput } from './operators.ts';
import { type Attribute, type Node, sortedAttributes, type Value } from './value.ts';

interface Draft {
  readonly node: Node;
  readonly key: string;
  readonly inputs: readonly string[];
  readonly used: Set<number>;
}

/** Gives every value its name: inputs keep theirs, equal constants and equal nodes share one. Operands come first. */
export class Naming {
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
    const content = digestOf(tensor);
    this.#constants.set(content, this.#constants.get(content) ?? tensor);
    this.#places.set(value, content);
  }

  addNode(node: Node): void {
    const inputs = node.inputs.map((operand) => (operand === undefined ? '' : this.#place(operand)));
    const attributes = sortedAttributes(node)
      .map(([name, attribute]) => `${name}:${contentOf(attribute)}`)
      .join();
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

function digestOf(tensor: Tensor): string {
  return `${tensor.dtype}[${tensor.shape}]${createHash('sha256').update(bytesOf(tensor)).digest('base64')}`;
}

function contentOf(attribute: Attribute): string {
  const [[kind, value] = []] = Object.entries(attribute);
  if ('tensor' in attribute) return digestOf(attribute.tensor);
  return `${kind} ${Object.is(value, -0) ? '-0' : value}`;
}
