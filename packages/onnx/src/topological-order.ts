import { type Node, nodeOf, type Value } from './value.ts';

/** Everything that some values are computed from, operands before results. */
export interface TopologicalOrder {
  readonly nodes: readonly Node[];
  /** Inputs and constants, in the order in which they are met. */
  readonly leaves: readonly Value[];
}

/** Orders the history of `values`; depends on its structure alone. */
export function topologicalOrder(values: readonly Value[]): TopologicalOrder {
  const nodes = new Set<Node>();
  const leaves = new Set<Value>();
  // A stack of its own: gradient graphs are deeper than the call stack.
  const stack: { readonly node: Node; next: number }[] = [];
  const started = new Set<Node>();
  const visit = (value: Value): void => {
    const node = nodeOf(value);
    if (node === undefined) {
      leaves.add(value);
    } else if (!started.has(node)) {
      started.add(node);
      stack.push({ node, next: 0 });
    }
  };
  for (const value of values) {
    visit(value);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      if (top.next === top.node.inputs.length) {
        nodes.add(top.node);
        stack.pop();
        continue;
      }
      const operand = top.node.inputs[top.next++];
      if (operand !== undefined) visit(operand);
    }
  }
  return { nodes: [...nodes], leaves: [...leaves] };
}
