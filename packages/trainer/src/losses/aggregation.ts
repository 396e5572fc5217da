/** What the weight of a token in the sum may depend on. */
export interface AggregationSizes {
  /** Tokens masked in, in the token's own sequence. */
  readonly sequenceTokens: number;
  /** Tokens masked in, in the part of the batch that `localTokenMean` looks at. */
  readonly tokens: number;
  /** Tokens masked in, in the whole batch. */
  readonly batchTokens: number;
  /** Sequences of the whole batch, those without a token included. */
  readonly batchSequences: number;
  readonly maxCompletionLength: number;
}

export type Aggregation = 'sequenceMean' | 'localTokenMean' | 'tokenMean' | 'fixedLength' | 'sequenceSum';

const atLeastOne = (count: number): number => Math.max(1, count);

/**
 * How tokens become one number: the weight `a_t` of a token in the sum, with `|o|` tokens in its sequence and `B` sequences.
 *
 * - `sequenceMean`: `1/(|o|·B)`, the mean over the tokens of a sequence, then over sequences; short completions count more a
 *   token (GRPO, arXiv 2402.03300).
 * - `tokenMean`: `1/Σ|o|`, every token of the whole batch counts the same (DAPO, arXiv 2503.14476).
 * - `localTokenMean`: the same over the tokens of one part only; depends on how the batch is split (TRL `bnpo`).
 * - `fixedLength`: `1/(B·maxCompletionLength)`; unbiased by length (Dr. GRPO, arXiv 2503.20783).
 * - `sequenceSum`: `1/B`, the sum over the tokens of a sequence, then the mean over sequences (TRL `luspo`).
 */
export const aggregations: Readonly<Record<Aggregation, (sizes: AggregationSizes) => number>> = {
  sequenceMean: ({ sequenceTokens, batchSequences }) => 1 / (atLeastOne(sequenceTokens) * batchSequences),
  localTokenMean: ({ tokens }) => 1 / atLeastOne(tokens),
  tokenMean: ({ batchTokens }) => 1 / atLeastOne(batchTokens),
  fixedLength: ({ batchSequences, maxCompletionLength }) => 1 / (batchSequences * maxCompletionLength),
  sequenceSum: ({ batchSequences }) => 1 / batchSequences,
};
