import type { Session } from '@forge/onnx';
import { type Tensor, tensor } from '@forge/tensor';
import type { ByLayout } from '../passes/by-layout.ts';
import type { PickScores } from '../passes/passes.ts';
import { hasPrefixes, type MicroBatch, scatterPicks } from './pack.ts';
import type { Sequence } from './sequence.ts';

/** One number for each token of `tokenIds` of each sequence; 0 where a token was masked out. */
export interface Scores {
  /** Log-probability of the token. */
  readonly logProbs: readonly Float32Array[];
  /** Entropy of the distribution it was drawn from, in nats. */
  readonly entropy: readonly Float32Array[];
}

type Feeds = Readonly<Record<string, Tensor>>;

/** Scores of the right lengths, to be filled. */
export const allocateScores = (sequences: readonly Sequence[]): Scores => ({
  logProbs: sequences.map(({ tokenIds }) => new Float32Array(tokenIds.length)),
  entropy: sequences.map(({ tokenIds }) => new Float32Array(tokenIds.length)),
});

/** The inputs of a scoring or training graph that come from the batch. */
export function batchFeeds(batch: MicroBatch, temperature: number): Feeds {
  return {
    ...batch.tokens,
    selected: batch.selected,
    targets: batch.targets,
    temperature: tensor('float32', [], Float32Array.of(temperature)),
  };
}

/** Tensors that one run writes its scores to. */
export const allocateScoreFetches = (batch: MicroBatch): PickScores => ({
  log_probs: tensor('float32', [batch.pickSequence.length]),
  entropy: tensor('float32', [batch.pickSequence.length]),
});

/** Puts what one run wrote where it belongs. */
export function collectScores(batch: MicroBatch, fetches: PickScores, scores: Scores): void {
  scatterPicks(batch, fetches.log_probs.data, scores.logProbs);
  scatterPicks(batch, fetches.entropy.data, scores.entropy);
}

/** Sequences, and the micro-batches that they were packed into. */
export interface PackedSequences {
  readonly sequences: readonly Sequence[];
  readonly batches: readonly MicroBatch[];
}

/** Scores sequences by scoring graphs whose weights are constants, in one pass a micro-batch. */
export async function scoreBatches(
  sessions: ByLayout<Session>,
  { sequences, batches }: PackedSequences,
  temperature: number,
): Promise<Scores> {
  const scores = allocateScores(sequences);
  for (const batch of batches) {
    const fetches = allocateScoreFetches(batch);
    const session = await sessions.of(hasPrefixes(batch));
    await session.run(batchFeeds(batch, temperature), { ...fetches });
    collectScores(batch, fetches, scores);
  }
  return scores;
}

/** Those of the tensors that a session takes. */
export function feedsOf({ inputs }: Session, tensors: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(inputs.map(({ name }) => [name, tensors[name]!])); // all inputs are among them
}
