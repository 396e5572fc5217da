import type { Group } from '@forge/data';
import type { Config } from '../config/config.ts';
import { NoSignalError } from '../errors.ts';
import type { Pacing } from '../pacing.ts';
import type { Parts } from '../parts.ts';
import type { RejectedGroup } from '../rollouts/reject-reason.ts';
import type { Rejects } from '../rollouts/rejects.ts';
import { chooseGroups } from './choose-groups.ts';

/** What a step is made of. */
export interface Batch {
  /** To train on. */
  readonly groups: readonly Group[];
  /** Sampled for it, too, and not trained on. */
  readonly rejected: readonly RejectedGroup[];
}

export interface NextBatchOptions {
  /** Of the weights in training. */
  readonly version: number;
  readonly grpo: Pick<Config['grpo'], 'groupsPerStep' | 'maxReplacements'>;
  readonly signal: AbortSignal;
}

/**
 * Waits for a batch.
 *
 * @throws {NoSignalError} when more than `maxReplacements` batches' worth of groups were replaced for it.
 */
export async function nextBatch(
  { buffer }: Pick<Parts, 'buffer'>,
  { pacing, rejects }: { readonly pacing: Pacing; readonly rejects: Rejects },
  { version, grpo: { groupsPerStep, maxReplacements }, signal }: NextBatchOptions,
): Promise<Batch> {
  for (;;) {
    // Asked for before the buffer is, so that a group which arrives in between is not missed.
    const changed = pacing.changed(signal);
    changed.catch(() => undefined);
    const candidates = await buffer.sample.callOne(version, pacing.candidates);
    pacing.evictedSoFar((await buffer.counts.callOne()).evicted);
    if (candidates !== undefined) {
      pacing.batchFormed(candidates.length);
      const { chosen, others } = chooseGroups(candidates, groupsPerStep);
      for (const group of others) rejects.add(group, 'notChosen');
      return { groups: chosen, rejected: rejects.take() };
    }
    if (pacing.replaced > maxReplacements * groupsPerStep)
      throw new NoSignalError(groupsPerStep, countKinds(rejects.waiting));
    await changed;
  }
}

function countKinds(groups: readonly Group[]): NoSignalError['counts'] {
  const allRight = groups.filter(({ episodes }) => episodes.every(({ isRight }) => isRight)).length;
  const allWrong = groups.filter(({ episodes }) => !episodes.some(({ isRight }) => isRight)).length;
  return { allRight, allWrong, other: groups.length - allRight - allWrong };
}
