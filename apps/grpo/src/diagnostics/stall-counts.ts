import type { Loops } from '../loops.ts';
import type { Parts } from '../parts.ts';
import type { StallCounts } from './explain-stall.ts';

/** Counts, from now on, what keeps a batch from forming; to be asked while none does. */
export function stallCounts(
  { generator, rewards, unscored }: Pick<Parts, 'generator' | 'rewards' | 'unscored'>,
  { pacing, rejects }: Pick<Loops, 'pacing' | 'rejects'>,
): (waitedSeconds: number) => StallCounts {
  const before = { evicted: pacing.state.evicted, unscored: unscored.count };
  return (waitedSeconds) => {
    const { evicted } = pacing.state;
    const reasons = [...Map.groupBy(rejects.waiting, ({ reason }) => reason)];
    return {
      waitedSeconds,
      needed: pacing.candidates,
      ...pacing.queue,
      evicted: evicted - before.evicted,
      rejected: Object.fromEntries(reasons.map(([reason, groups]) => [reason, groups.length])),
      unscored: unscored.count - before.unscored,
      services: [generator, rewards].map((service) => {
        const { name, queued, replicas } = service.state();
        return { name, queued, states: replicas.map(({ state }) => state) };
      }),
    };
  };
}
