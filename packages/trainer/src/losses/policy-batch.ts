import { LossInputError } from '../errors.ts';
import type { BatchCounts, Floats } from './loss.ts';

/** A batch of completions, ragged: entry `b` of each array belongs to sequence `b` and has one number a token. */
export interface PolicyBatch {
  /** Of the policy in training. */
  readonly logProbs: readonly Floats[];
  /** Of the policy that the ratio is taken to. @default logProbs, which makes every ratio 1 */
  readonly oldLogProbs?: readonly Floats[];
  /** As the generator recorded them. */
  readonly samplerLogProbs?: readonly Floats[];
  /** Of the frozen reference model. */
  readonly refLogProbs?: readonly Floats[];
  /** One a sequence, or one a token. */
  readonly advantages: readonly (number | Floats)[];
  /** 0 where a token takes no part in the loss. @default every token does */
  readonly masks?: readonly ArrayLike<number>[];
  /** 1 at tokens that `clip_cov` and `kl_cov` hold back. @default those of this batch; see {@link tokensByCovariance} */
  readonly heldBack?: readonly ArrayLike<number>[];
  /** @default the sizes of this batch */
  readonly counts?: BatchCounts;
}

const lengthOf = (entry: number | ArrayLike<number>): number | undefined =>
  typeof entry === 'number' ? undefined : entry.length;

/** @throws {LossInputError} when two arrays of the batch disagree about the number of sequences or of tokens. */
export function checkPolicyBatch(batch: PolicyBatch): void {
  const { logProbs, oldLogProbs, samplerLogProbs, refLogProbs, advantages, masks, heldBack } = batch;
  const given = { oldLogProbs, samplerLogProbs, refLogProbs, advantages, masks, heldBack };
  for (const [field, rows] of Object.entries(given)) {
    if (rows === undefined) continue;
    if (rows.length !== logProbs.length) {
      throw new LossInputError(field, `${rows.length} sequences where logProbs has ${logProbs.length}.`);
    }
    for (const [b, row] of rows.entries()) {
      const length = lengthOf(row);
      if (length !== undefined && length !== logProbs[b]!.length) {
        throw new LossInputError(field, `${length} tokens in sequence ${b} where logProbs has ${logProbs[b]!.length}.`);
      }
    }
  }
}

/** Tokens of sequence `b` that take part in the loss. */
export function countTokens({ logProbs, masks }: Pick<PolicyBatch, 'logProbs' | 'masks'>, b: number): number {
  const mask = masks?.[b];
  if (mask === undefined) return logProbs[b]!.length;
  let count = 0;
  for (let t = 0; t < mask.length; t++) if (mask[t] !== 0) count++;
  return count;
}
