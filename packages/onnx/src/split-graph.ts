import { GraphError } from './errors.ts';
import type { Graph, GraphNode, Port } from './graph.ts';
import type { Operator } from './operators.ts';
import { isFloating } from './signature.ts';
import { verify } from './verify.ts';

/** A graph in two, to be run one after the other. */
export interface SplitGraph {
  /** What does not depend on the inputs; its outputs are those of the graph that it computes, and `saved`. */
  readonly early: Graph;
  /** What depends on the inputs; `saved` are inputs of it. */
  readonly late: Graph;
  /** What `late` needs of `early`, by the same names in both. */
  readonly saved: readonly Port[];
}

/** Operators whose result is their operand under another shape: done again in `late`, for nothing, in place of being saved twice. */
const VIEWS: ReadonlySet<Operator> = new Set<Operator>(['Reshape', 'Squeeze', 'Unsqueeze']);

/**
 * Cuts a graph at some inputs, so that they may be computed from the outputs that do not depend on them: a loss that is no part
 * of the graph, between forward and backward. Both parts together do the work of the whole; only shapes and what is
 * computed from integers and bools is computed in both.
 *
 * @throws {GraphError} when the graph lacks one of the inputs.
 */
export function splitGraph(graph: Graph, inputs: readonly string[]): SplitGraph {
  const missing = inputs.find((input) => !graph.inputs.some(({ name }) => name === input));
  if (missing !== undefined) throw new GraphError(missing, 'is no input to cut the graph at');
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const known = new Set([...graph.inputs, ...graph.constants].map(({ name }) => name));
  const isLate = lateNodes(graph, inputs);
  const repeated = new Set<GraphNode>();
  const saved = new Set<string>();
  const visit = (name: string): void => {
    const producer = producers.get(name);
    if (name === '' || known.has(name) || producer === undefined || isLate.has(producer)) return;
    if (isFloating(portOf(graph, name).dtype) && !VIEWS.has(producer.op)) {
      saved.add(name);
    } else if (!repeated.has(producer)) {
      repeated.add(producer);
      producer.inputs.forEach(visit);
    }
  };
  for (const node of isLate) node.inputs.forEach(visit);

  const ofLate = ({ name }: Port): boolean => isLate.has(producers.get(name)!); // undefined is in no set
  const savedPorts = [...saved].map((name) => portOf(graph, name));
  const early = graph.outputs.filter((port) => !ofLate(port));
  const earlyNames = new Set(early.map(({ name }) => name));
  return {
    early: part(graph, {
      nodes: graph.nodes.filter((node) => !isLate.has(node)),
      inputs: graph.inputs,
      outputs: [...early, ...savedPorts.filter(({ name }) => !earlyNames.has(name))],
    }),
    late: part(graph, {
      nodes: graph.nodes.filter((node) => isLate.has(node) || repeated.has(node)),
      inputs: [...graph.inputs, ...savedPorts],
      outputs: graph.outputs.filter(ofLate),
    }),
    saved: savedPorts,
  };
}

function lateNodes({ nodes }: Graph, inputs: readonly string[]): ReadonlySet<GraphNode> {
  const names = new Set(inputs);
  const late = new Set<GraphNode>();
  for (const node of nodes) {
    if (!node.inputs.some((name) => names.has(name))) continue;
    late.add(node);
    for (const name of node.outputs) names.add(name);
  }
  return late;
}

/** Some nodes of a graph, with the inputs and constants that they use. */
function part(graph: Graph, { nodes, inputs, outputs }: Pick<Graph, 'nodes' | 'inputs' | 'outputs'>): Graph {
  const used = new Set([...nodes.flatMap((node) => node.inputs), ...outputs.map(({ name }) => name)]);
  const isUsed = ({ name }: { readonly name: string }): boolean => used.has(name);
  const result = { ...graph, nodes, outputs, inputs: inputs.filter(isUsed), constants: graph.constants.filter(isUsed) };
  verify(result);
  return result;
}

function portOf({ values }: Graph, name: string): Port {
  const port = values.get(name);
  if (port === undefined) throw new GraphError(name, 'is a value without a type');
  return port;
}
