import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Request } from './request.ts';
import type { Sequence } from './sequence.ts';

/** The event loop is held for so long at once. */
const MS_PER_SLICE = 1;

/** Finds the tokens that constraints allow next, in slices, so that a run goes on meanwhile. */
export async function prepareConstraints(
  sequences: readonly Sequence[],
  fail: (request: Request, error: unknown) => void,
): Promise<void> {
  for (const { constrained, group } of sequences) {
    try {
      while (constrained && !group.isSettled && !constrained.prepare(MS_PER_SLICE)) await nextTurn();
    } catch (error) {
      fail(group, error);
    }
  }
}
