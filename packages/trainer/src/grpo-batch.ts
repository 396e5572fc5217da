import { LossInputError } from './errors.ts';
import type { Floats } from './losses/loss.ts';
import type { Sequence } from './packing/sequence.ts';
import type { GrpoTargets } from './step-batch.ts';

/** What an episode must tell to be trained on; those of `@forge/data` do. */
export interface GrpoEpisode extends Sequence {
  /** [tokens] as the generator recorded them. */
  readonly logProbs: Floats;
  /** One, or one a token. */
  readonly advantage: number | Floats;
  /** [tokens] of the reference model. */
  readonly refLogProbs?: Floats;
  /** [tokens] 0 where the policy did not choose the token, such as in the output of a tool. @default it chose all */
  readonly mask?: ArrayLike<number>;
}

/** The two arguments of `trainStep`. */
export interface GrpoBatch {
  readonly inputs: readonly Sequence[];
  readonly targets: GrpoTargets;
}

/**
 * Episodes as a batch for `trainStep`, in their order.
 *
 * @throws {LossInputError} when some episodes have log-probabilities of the reference model and others have none.
 */
export function grpoBatch(episodes: readonly GrpoEpisode[]): GrpoBatch {
  const refLogProbs = episodes.flatMap((episode) => (episode.refLogProbs === undefined ? [] : [episode.refLogProbs]));
  if (refLogProbs.length > 0 && refLogProbs.length < episodes.length) {
    const without = episodes.findIndex((episode) => episode.refLogProbs === undefined);
    throw new LossInputError('refLogProbs', `episode ${without} has none, others do. Score all of them or none.`);
  }
  const isMasked = episodes.some(({ mask }) => mask !== undefined);
  return {
    inputs: episodes.map(({ promptIds, tokenIds }) => ({ promptIds, tokenIds })),
    targets: {
      loss: 'grpo',
      advantages: episodes.map(({ advantage }) => advantage),
      samplerLogProbs: episodes.map(({ logProbs }) => logProbs),
      ...(refLogProbs.length > 0 && { refLogProbs }),
      ...(isMasked && { masks: episodes.map(({ mask, tokenIds }) => mask ?? tokenIds.map(() => 1)) }),
    },
  };
}
