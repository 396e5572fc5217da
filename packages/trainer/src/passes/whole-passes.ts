// N tokens of all rows, D model width

import { gradientName, type ModelConfig } from '@forge/models';
import { evaluateDim } from '@forge/onnx';
import type { Tensor } from '@forge/tensor';
import { hasPrefixes, type MicroBatch, sizesOf, tokenIdsOf } from '../packing/pack.ts';
import { allocateScoreFetches, batchFeeds, feedsOf } from '../packing/scores.ts';
import { ByLayout } from './by-layout.ts';
import { lookUp } from './embedding-rows.ts';
import { EMBEDDING, type Part, partsOf } from './parts.ts';
import {
  asGradients,
  type GradientSink,
  type NamedTensors,
  type Passes,
  type PassesOptions,
  type PassInputs,
  type PickScores,
  type PickWeights,
  weightFeeds,
} from './passes.ts';
import { TensorPool } from './tensor-pool.ts';
import { openWholeSessions, type WholeSessions } from './whole-sessions.ts';

type Stream = Tensor<'float32'>;

/**
 * Passes over all layers at once. Forward hands its activations over to backward, so that a loss in between costs no second
 * forward.
 */
export class WholePasses implements Passes {
  /** All with a dense gradient at once. */
  readonly writes: readonly [readonly Part[]];
  readonly #sessions: ByLayout<WholeSessions>;
  readonly #width: number;
  readonly #parts: readonly Part[];
  readonly #trainsEmbedding: boolean;
  readonly #pool = new TensorPool();

  private constructor(config: ModelConfig, sessions: ByLayout<WholeSessions>, trainable: readonly string[]) {
    this.#sessions = sessions;
    this.#width = config.hiddenSize;
    this.#parts = partsOf(config);
    this.writes = [config.tieWordEmbeddings ? this.#parts : this.#parts.filter((part) => part !== 'embedding')];
    this.#trainsEmbedding = trainable.includes(EMBEDDING);
  }

  static async open(config: ModelConfig, options: PassesOptions): Promise<WholePasses> {
    const sessions = await ByLayout.open((sharedPrefix) => openWholeSessions(config, options, sharedPrefix));
    return new WholePasses(config, sessions, options.trainable);
  }

  async score({ batch, weights, temperature }: PassInputs): Promise<PickScores> {
    const scores = allocateScoreFetches(batch);
    const { forward } = await this.#sessions.of(hasPrefixes(batch));
    const { x } = this.#pool.allocate([this.#stream('x', batch)]) as Record<'x', Stream>;
    await weights.borrow(this.#parts, async (all) => {
      const feeds = { ...this.#feeds(batch, all, x), ...batchFeeds(batch, temperature) };
      await forward.run(feedsOf(forward, feeds), { ...scores });
    });
    return scores;
  }

  async backward(
    { batch, weights, temperature }: PassInputs,
    weigh: (scores: PickScores) => PickWeights | undefined,
    gradients: GradientSink,
  ): Promise<boolean> {
    const scores = allocateScoreFetches(batch);
    const { forward, backward, saved: ports } = await this.#sessions.of(hasPrefixes(batch));
    const sizes = sizesOf(batch);
    const { x, slopeOfX, ...saved } = this.#pool.allocate([
      this.#stream('x', batch),
      this.#stream('slopeOfX', batch),
      ...ports.map(({ name, shape }) => ({ name, shape: shape.map((dim) => evaluateDim(dim, sizes)) })),
    ]) as Record<'x' | 'slopeOfX', Stream>;
    const hasRun = await weights.borrow(this.#parts, async (all) => {
      const feeds = { ...this.#feeds(batch, all, x), ...batchFeeds(batch, temperature) };
      await forward.run(feedsOf(forward, feeds), { ...saved, ...scores });
      const picks = weigh(scores);
      if (picks === undefined) return false;
      const given = { ...feeds, ...saved, ...scores, ...weightFeeds(picks) };
      await gradients.write(this.writes[0], async (views) => {
        const slope = this.#trainsEmbedding && { [gradientName('x')]: slopeOfX };
        await backward.run(feedsOf(backward, given), { ...asGradients(views), ...slope });
      });
      return true;
    });
    if (hasRun && this.#trainsEmbedding) await gradients.addToEmbedding(tokenIdsOf(batch), slopeOfX);
    return hasRun;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sessions[Symbol.asyncDispose]();
  }

  #stream(name: string, batch: MicroBatch): { readonly name: string; readonly shape: readonly number[] } {
    return { name, shape: [tokenIdsOf(batch).length, this.#width] };
  }

  /** The weights, with the tokens looked up. */
  #feeds(batch: MicroBatch, weights: NamedTensors, x: Stream): NamedTensors {
    lookUp(weights[EMBEDDING]!, tokenIdsOf(batch), x); // every model has an embedding
    return { ...weights, x };
  }
}
