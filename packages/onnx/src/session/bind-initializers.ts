import type { Tensor } from '@forge/tensor';
import type { Graph } from '../graph.ts';
import { checkTensor, unknownName } from './plan-run.ts';

/**
 * The graph with inputs made constants, which takes no copy of them.
 *
 * @throws {RunArgumentError} naming the first initializer that is no input, or does not fit it.
 */
export function bindInitializers(graph: Graph, initializers: Readonly<Record<string, Tensor>>): Graph {
  const ports = new Map(graph.inputs.map((port) => [port.name, port]));
  const sizes = new Map();
  const bound = Object.entries(initializers).map(([name, tensor]) => {
    const port = ports.get(name);
    if (port === undefined) throw unknownName('initializer', name, graph.inputs);
    checkTensor('initializer', port, tensor, sizes);
    return { name, tensor };
  });
  const values = new Map(graph.values);
  for (const { name, tensor } of bound) values.set(name, { name, dtype: tensor.dtype, shape: tensor.shape });
  return {
    ...graph,
    inputs: graph.inputs.filter(({ name }) => initializers[name] === undefined),
    constants: [...graph.constants, ...bound],
    values,
  };
}
