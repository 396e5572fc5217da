import { BatchError } from '../errors.ts';

/** A text in two parts: what was given, and what is scored. */
export interface Sequence {
  /** At least one token: the first token of a text has nothing to be predicted from. */
  readonly promptIds: readonly number[];
  /** The tokens whose log-probabilities are wanted. */
  readonly tokenIds: readonly number[];
}

/** Tokens the model reads to score a sequence: all but the last, which is only predicted. */
export const inputLength = ({ promptIds, tokenIds }: Sequence): number => promptIds.length + tokenIds.length - 1;

/** What a model can score. */
export interface SequenceLimits {
  readonly vocabSize: number;
  /** Longest sequence, prompt included. */
  readonly maxPositionEmbeddings: number;
}

/**
 * @throws {BatchError} when a prompt is empty, an id is outside the vocabulary, a sequence is longer than the model's positions,
 * or no token at all is to be scored.
 */
export function checkSequences(sequences: readonly Sequence[], limits: SequenceLimits): void {
  const { vocabSize, maxPositionEmbeddings } = limits;
  for (const [index, { promptIds, tokenIds }] of sequences.entries()) {
    if (promptIds.length === 0) throw new BatchError('has an empty prompt; give at least one token.', index);
    const length = promptIds.length + tokenIds.length;
    if (length > maxPositionEmbeddings) {
      throw new BatchError(`has ${length} tokens; the model has ${maxPositionEmbeddings} positions.`, index);
    }
    for (const ids of [promptIds, tokenIds]) {
      const wrong = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
      if (wrong !== undefined) throw new BatchError(`has token id ${wrong}; the vocabulary has ${vocabSize}.`, index);
    }
  }
  if (sequences.every(({ tokenIds }) => tokenIds.length === 0)) throw new BatchError('has no token to score.');
}
