import { type Graph, openSession, type Session } from '@forge/onnx';
import type { ComputeOptions } from '../training-options.ts';

/** Sessions of several graphs that are closed together. */
export type Sessions<Name extends string> = Readonly<Record<Name, Session>> & AsyncDisposable;

/** See the rule of products in `@forge/onnx`: gradients of weights are quicker when this is not done. */
const disabledOptimizers = ['MatmulTransposeFusion'];

/** Opens all of these graphs, or none. */
export async function openSessions<Name extends string>(
  graphs: Readonly<Record<Name, Graph>>,
  compute: ComputeOptions,
): Promise<Sessions<Name>> {
  const opened: [string, Session][] = [];
  const close = async (): Promise<void> => {
    for (const [, session] of opened) await session[Symbol.asyncDispose]();
  };
  try {
    for (const [name, graph] of Object.entries<Graph>(graphs))
      opened.push([name, await openSession(graph, { ...compute, disabledOptimizers })]);
  } catch (error) {
    await close();
    throw error;
  }
  const sessions = Object.fromEntries(opened) as Record<Name, Session>; // one a graph
  return { ...sessions, [Symbol.asyncDispose]: close };
}
