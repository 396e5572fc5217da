// V vocabulary
import type { ResolvedSamplingParams } from './sampling-params.ts';

/** The options that change single logits. */
export type Adjustments = Pick<
  ResolvedSamplingParams,
  'logitBias' | 'repetitionPenalty' | 'frequencyPenalty' | 'presencePenalty'
>;

/** The tokens before the one that is drawn. */
export interface TokenHistory {
  readonly promptIds: readonly number[];
  /** Of the completion so far. */
  readonly tokenIds: readonly number[];
}

/** Whether any logit is changed. */
export function isAdjusting(adjustments: Adjustments): boolean {
  const { logitBias, repetitionPenalty, frequencyPenalty, presencePenalty } = adjustments;
  if (repetitionPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0) return true;
  for (const _ in logitBias) return true;
  return false;
}

/**
 * Logits with bias and penalties: bias first, then the repetition penalty over prompt and completion, then frequency
 * and presence penalties over the completion alone. Holds scratch memory only.
 *
 * Source: the order is vLLM's, the formulas are those of transformers (repetition) and of OpenAI's API (the others).
 */
export class AdjustedLogits {
  readonly #adjusted_V: Float32Array;

  constructor(vocabSize: number) {
    this.#adjusted_V = new Float32Array(vocabSize);
  }

  /** `logits_V` itself when nothing changes it, else scratch memory that is valid until the next call. */
  of(logits_V: Float32Array, adjustments: Adjustments, { promptIds, tokenIds }: TokenHistory): Float32Array {
    const { logitBias, repetitionPenalty, frequencyPenalty, presencePenalty } = adjustments;
    if (!isAdjusting(adjustments)) return logits_V;
    const adjusted_V = this.#adjusted_V;
    adjusted_V.set(logits_V);
    for (const [id, bias] of Object.entries(logitBias)) adjusted_V[Number(id)]! += bias;
    if (repetitionPenalty !== 1) {
      for (const id of new Set([...promptIds, ...tokenIds])) {
        const logit = adjusted_V[id]!;
        adjusted_V[id] = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
      }
    }
    if (frequencyPenalty !== 0 || presencePenalty !== 0) {
      const counts = new Map<number, number>();
      for (const id of tokenIds) counts.set(id, (counts.get(id) ?? 0) + 1);
      for (const [id, count] of counts) adjusted_V[id]! -= count * frequencyPenalty + presencePenalty;
    }
    return adjusted_V;
  }
}
