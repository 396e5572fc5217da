import { runIn, scopeIfAny } from './context.ts';

/**
 * Runs `task` apart from the message that is being handled: what it calls is cancelled neither with that message nor at
 * its deadline. For work that serves several callers, such as a batch. It still belongs to the same actor.
 */
export function detached<T>(task: () => T): T {
  const scope = scopeIfAny();
  if (scope?.message === undefined) return task();
  const { program, owner, context } = scope;
  return runIn({ program, owner, context }, task);
}
