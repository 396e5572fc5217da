// V vocabulary
import type { Random } from '@forge/tensor';
import { LogitsError } from '../errors.ts';
import { AdjustedLogits, type Adjustments, isAdjusting, type TokenHistory } from './adjusted-logits.ts';
import { drawAllowedFromBlocks } from './allowed-blocks.ts';
import { AllowedIds, type AllowedTokens } from './allowed-tokens.ts';
import { bestIds } from './best-ids.ts';
import type { ResolvedSamplingParams } from './sampling-params.ts';
import { drawFromBlocks, type SoftmaxBlocks, totalOf } from './softmax-blocks.ts';
import { TokenWeights } from './token-weights.ts';

/** What a token is drawn from. */
export interface Logits {
  readonly values_V: Float32Array;
  /** Their softmax at {@link softmaxTemperature}, where it is known already: a large vocabulary is not read whole then. */
  readonly blocks?: SoftmaxBlocks | undefined;
  /** Their log-softmax at {@link softmaxTemperature}, where it is known already with the bits that a trainer has. */
  readonly logProbs_V?: Float32Array;
}

/** A token with its log-probability (see `SamplingParams.logProbs`). */
export interface TokenLogProb {
  readonly tokenId: number;
  readonly logProb: number;
}

/** A drawn token. */
export interface Sample extends TokenLogProb {
  /** The best tokens there were, best first; fewer than were asked for where the distribution has fewer. */
  readonly topLogProbs: readonly TokenLogProb[];
}

/** The options that shape the distribution of one token. */
export type DistributionParams = Adjustments &
  Pick<ResolvedSamplingParams, 'temperature' | 'topK' | 'topP' | 'minP' | 'logProbs' | 'topLogProbs'>;

/** What a draw depends on beside logits and options. */
export interface DrawContext extends TokenHistory {
  /** Gives exactly one uniform number a drawn token, none when greedy. */
  readonly random: Random;
  /** The only tokens that may be drawn, at least one; log-probabilities of the model are not changed by it. @default all */
  readonly allowed?: AllowedTokens | undefined;
}

/**
 * Draws tokens from logits. Order of the steps, as in transformers' `generate`: tokens that are not allowed
 * are left out, bias and penalties, temperature, top-k, top-p, min-p. Holds scratch memory only: a token depends on the arguments of its draw and nothing else.
 */
export class Sampler {
  readonly #weights: TokenWeights;
  readonly #adjusted: AdjustedLogits;
  readonly #allowed: AllowedIds;

  constructor(vocabSize: number) {
    this.#weights = new TokenWeights(vocabSize);
    this.#adjusted = new AdjustedLogits(vocabSize);
    this.#allowed = new AllowedIds(vocabSize);
  }

  /**
   * Draws one token.
   *
   * @throws {LogitsError} when the logits are not a distribution.
   */
  sample(logits: Logits, params: DistributionParams, context: DrawContext): Sample {
    const { values_V: logits_V, blocks, logProbs_V } = logits;
    const { allowed } = context;
    if (blocks && isOfBlocks(params)) {
      if (!allowed) return sampleFromBlocks(logits_V, blocks, { params, random: context.random });
      const sample = this.#sampleAllowed(logits_V, blocks, { params, random: context.random, allowed });
      if (sample) return sample;
    }
    const ids = allowed && this.#allowed.of(allowed);
    const weights = this.#weights;
    const isGreedy = params.temperature === 0;
    const temperature = softmaxTemperature(params);
    const reportedTemperature = params.logProbs === 'raw' ? 1 : temperature;
    const isSummed = ids !== undefined && blocks !== undefined && reportedTemperature === temperature;
    if (!isSummed) weights.fill(logits_V, reportedTemperature);
    const bestLogit = isSummed ? blocks.best[0]! : weights.bestLogit;
    const total = isSummed ? totalOf(blocks) : weights.total;
    if (!Number.isFinite(total)) throw new LogitsError();
    const logTotal = Math.log(total);
    const known_V = reportedTemperature === temperature ? logProbs_V : undefined;
    const modelLogProb = (tokenId: number) =>
      known_V ? known_V[tokenId]! : (logits_V[tokenId]! - bestLogit) / reportedTemperature - logTotal;
    const sampledLogProb = (tokenId: number) => Math.log(weights.values_V[tokenId]! / weights.total);

    const source_V = this.#adjusted.of(logits_V, params, context);
    if (isGreedy)
      return greedySample(ids ? argMaxOf(source_V, ids) : argMax(source_V), {
        logits_V,
        logProbOf: modelLogProb,
        params,
      });
    if (ids) weights.fillOnly(source_V, temperature, ids);
    else if (source_V !== logits_V || reportedTemperature !== temperature) weights.fill(source_V, temperature);
    keep(weights, params);
    const tokenId = weights.draw(context.random.uniform());
    if (params.logProbs === 'sampled') return sampleOf(tokenId, sampledLogProb, weights.values_V, params);
    return sampleOf(tokenId, modelLogProb, logits_V, params);
  }

  /** `undefined` where all tokens have to be read. */
  #sampleAllowed(
    logits_V: Float32Array,
    blocks: SoftmaxBlocks,
    { params, random, allowed }: BlockContext & { readonly allowed: AllowedTokens },
  ): Sample | undefined {
    if (params.logProbs === 'sampled') return undefined;
    const logProbOf = logProbOfBlocks(logits_V, blocks, params);
    const bits = this.#allowed.bitsOf(allowed);
    if (params.temperature === 0) {
      const best = logits_V.indexOf(blocks.best[0]!);
      const isAllowed = ((bits[best >>> 5]! >>> (best & 31)) & 1) === 1;
      return isAllowed ? greedySample(best, { logits_V, logProbOf, params }) : undefined;
    }
    const tokenId = drawAllowedFromBlocks(logits_V, blocks, { bits, temperature: params.temperature, random });
    return tokenId === undefined ? undefined : sampleOf(tokenId, logProbOf, logits_V, params);
  }

  /** The probabilities [V] that `sample` draws from; 0 for tokens that are filtered out. Temperature must be above 0. */
  probabilities(logits_V: Float32Array, params: DistributionParams, history: TokenHistory): Float64Array {
    this.#weights.fill(this.#adjusted.of(logits_V, params, history), params.temperature);
    keep(this.#weights, params);
    return this.#weights.values_V.map((weight) => weight / this.#weights.total);
  }
}

/** The temperature of the distribution of a token; greedy tokens are of that at 1. */
export function softmaxTemperature({ temperature }: Pick<DistributionParams, 'temperature'>): number {
  return temperature === 0 ? 1 : temperature;
}

/** Whether nothing but the softmax of the logits is asked for. */
function isOfBlocks(params: DistributionParams): boolean {
  const { topK, topP, minP, logProbs } = params;
  const isReported = logProbs !== 'raw' || softmaxTemperature(params) === 1;
  return topK === 0 && topP === 1 && minP === 0 && isReported && !isAdjusting(params);
}

interface BlockContext {
  readonly params: DistributionParams;
  readonly random: Random;
}

function sampleFromBlocks(logits_V: Float32Array, blocks: SoftmaxBlocks, { params, random }: BlockContext): Sample {
  const temperature = softmaxTemperature(params);
  const logProbOf = logProbOfBlocks(logits_V, blocks, params);
  if (params.temperature === 0) {
    return greedySample(logits_V.indexOf(blocks.best[0]!), { logits_V, logProbOf, params });
  }
  const tokenId = drawFromBlocks(logits_V, blocks, { temperature, mass: random.uniform() * totalOf(blocks) });
  return sampleOf(tokenId, logProbOf, logits_V, params);
}

/** The log-probabilities of the model. @throws {LogitsError} when the sums are those of no distribution */
function logProbOfBlocks(
  logits_V: Float32Array,
  blocks: SoftmaxBlocks,
  params: DistributionParams,
): (tokenId: number) => number {
  const temperature = softmaxTemperature(params);
  const bestLogit = blocks.best[0]!;
  const total = totalOf(blocks);
  if (!Number.isFinite(total)) throw new LogitsError();
  const logTotal = Math.log(total);
  return (tokenId) => (logits_V[tokenId]! - bestLogit) / temperature - logTotal;
}

interface GreedyContext {
  readonly logits_V: Float32Array;
  readonly logProbOf: (tokenId: number) => number;
  readonly params: DistributionParams;
}

function greedySample(tokenId: number, { logits_V, logProbOf, params }: GreedyContext): Sample {
  if (params.logProbs !== 'sampled') return sampleOf(tokenId, logProbOf, logits_V, params);
  const certain = { tokenId, logProb: 0 };
  return { ...certain, topLogProbs: params.topLogProbs > 0 ? [certain] : [] };
}

/** `ranking` orders tokens as `logProbOf` does, and is cheaper to read. */
function sampleOf(
  tokenId: number,
  logProbOf: (tokenId: number) => number,
  ranking: Float32Array | Float64Array,
  { topLogProbs }: DistributionParams,
): Sample {
  const logProb = logProbOf(tokenId);
  if (topLogProbs === 0) return { tokenId, logProb, topLogProbs: NONE };
  const top = bestIds(ranking, topLogProbs).map((id) => ({ tokenId: id, logProb: logProbOf(id) }));
  return { tokenId, logProb, topLogProbs: top.filter((each) => each.logProb > Number.NEGATIVE_INFINITY) };
}

const NONE: readonly TokenLogProb[] = [];

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

function argMaxOf(logits_V: Float32Array, ids: Int32Array): number {
  return ids.reduce((best, id) => (logits_V[id]! > logits_V[best]! ? id : best));
}
