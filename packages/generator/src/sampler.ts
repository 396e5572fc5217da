import type { Random } from '@forge/tensor';
// V vocabulary
import { LogitsError } from './errors.ts';
import type { ResolvedSamplingParams } from './sampling-params.ts';
import { TokenWeights } from './token-weights.ts';

/** A drawn token and its log-probability (see `SamplingParams.logProbs`). */
export interface Sample {
  readonly tokenId: number;
  readonly logProb: number;
}

/** The options that shape the distribution of one token. */
export type DistributionParams = Pick<
  ResolvedSamplingParams,
  'temperature' | 'topK' | 'topP' | 'minP' | 'repetitionPenalty' | 'logProbs'
>;

/** What a draw depends on beside logits and options. */
export interface DrawContext {
  /** Token ids that the repetition penalty sees, in any order, with repeats. */
  readonly previousIds: readonly (readonly number[])[];
  /** Gives exactly one uniform number a drawn token, none when greedy. */
  readonly random: Random;
}

/**
 * Draws tokens from logits. Order of the steps, as in transformers' `generate`: repetition penalty, temperature,
 * top-k, top-p, min-p. Holds scratch memory only: a token depends on the arguments of its draw and nothing else.
 */
export class Sampler {
  readonly #weights: TokenWeights;
  readonly #penalised_V: Float32Array;

  constructor(vocabSize: number) {
    this.#weights = new TokenWeights(vocabSize);
    this.#penalised_V = new Float32Array(vocabSize);
  }

  /**
   * Draws one token.
   *
   * @throws {LogitsError} when the logits are not a distribution.
   */
  sample(logits_V: Float32Array, params: DistributionParams, { previousIds, random }: DrawContext): Sample {
    const weights = this.#weights;
    const isGreedy = params.temperature === 0;
    const temperature = isGreedy ? 1 : params.temperature;
    const isPenalised = params.repetitionPenalty !== 1;
    weights.fill(logits_V, temperature);
    if (!Number.isFinite(weights.total)) throw new LogitsError();
    const { bestLogit } = weights;
    const logTotal = Math.log(weights.total);
    const policyLogProb = (tokenId: number) => (logits_V[tokenId]! - bestLogit) / temperature - logTotal;
    const source_V = isPenalised ? this.#penalise(logits_V, params.repetitionPenalty, previousIds) : logits_V;
    if (isGreedy) {
      const tokenId = argMax(source_V);
      return { tokenId, logProb: params.logProbs === 'sampled' ? 0 : policyLogProb(tokenId) };
    }
    if (isPenalised) weights.fill(source_V, temperature);
    keep(weights, params);
    const tokenId = weights.draw(random.uniform());
    const logProb =
      params.logProbs === 'sampled' ? Math.log(weights.values_V[tokenId]! / weights.total) : policyLogProb(tokenId);
    return { tokenId, logProb };
  }

  /** The probabilities [V] that `sample` draws from; 0 for tokens that are filtered out. Temperature must be above 0. */
  probabilities(
    logits_V: Float32Array,
    params: DistributionParams,
    previousIds: DrawContext['previousIds'],
  ): Float64Array {
    const isPenalised = params.repetitionPenalty !== 1;
    const source_V = isPenalised ? this.#penalise(logits_V, params.repetitionPenalty, previousIds) : logits_V;
    this.#weights.fill(source_V, params.temperature);
    keep(this.#weights, params);
    return this.#weights.values_V.map((weight) => weight / this.#weights.total);
  }

  #penalise(logits_V: Float32Array, penalty: number, previousIds: DrawContext['previousIds']): Float32Array {
    const penalised_V = this.#penalised_V;
    penalised_V.set(logits_V);
    for (const ids of previousIds) {
      // Reads the original logit, so a repeated id is penalised once.
      for (const id of ids) penalised_V[id] = logits_V[id]! > 0 ? logits_V[id]! / penalty : logits_V[id]! * penalty;
    }
    return penalised_V;
  }
}

function keep(weights: TokenWeights, { topK, topP, minP }: DistributionParams): void {
  if (topK > 0) weights.keepTopK(topK);
  if (topP < 1) weights.keepTopP(topP);
  if (minP > 0) weights.keepMinP(minP);
}

function argMax(logits_V: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits_V.length; id++) if (logits_V[id]! > logits_V[best]!) best = id;
  return best;
}
