import { GraphError } from './errors.ts';
import type { Graph } from './graph.ts';
import { checkSignature } from './signature.ts';

/**
 * What every graph obeys before it is written: each name is defined once and before its first use (so there is no
 * cycle), outputs exist and have their own names, and every edge has a dtype that its operator takes.
 *
 * @throws {GraphError} naming what is at fault.
 * @throws {DTypeError} naming the operator.
 */
export function verify({ inputs, outputs, constants, nodes, values }: Graph): void {
  const defined = new Set<string>();
  const define = (name: string): void => {
    if (name === '') throw new GraphError(name, 'is no name');
    if (defined.has(name)) throw new GraphError(name, 'is the name of two values');
    defined.add(name);
  };
  for (const { name } of inputs) define(name);
  for (const { name } of constants) define(name);
  const nodeNames = new Set<string>();
  for (const node of nodes) {
    if (nodeNames.has(node.name)) throw new GraphError(node.name, 'is the name of two nodes');
    nodeNames.add(node.name);
    const operands = node.inputs.map((name) => {
      if (name === '') return undefined;
      if (!defined.has(name)) throw new GraphError(name, `is used by ${node.name} before it is computed`);
      return values.get(name)?.dtype;
    });
    const results = node.outputs.filter((name) => name !== '');
    for (const name of results) define(name);
    checkSignature(
      node.op,
      operands,
      results.flatMap((name) => values.get(name)?.dtype ?? []),
    );
  }
  if (outputs.length === 0) throw new GraphError('outputs', 'is empty; a graph computes something');
  for (const { name } of outputs)
    if (!defined.has(name)) throw new GraphError(name, 'is an output that is not computed');
}
