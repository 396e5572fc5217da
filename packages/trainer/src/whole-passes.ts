import { type ModelConfig, trainingGraph } from '@forge/models';
import { evaluateDim, openSession, type Port, type Session, splitGraph } from '@forge/onnx';
import { sizesOf } from './pack.ts';
import { type Part, partsOf } from './parts.ts';
import {
  asGradients,
  type GradientSink,
  type Passes,
  type PassesOptions,
  type PassInputs,
  type PickScores,
  type PickWeights,
  weightFeeds,
} from './passes.ts';
import { allocateScoreFetches, batchFeeds, feedsOf } from './scores.ts';
import { TensorPool } from './tensor-pool.ts';

/**
 * Passes over all layers at once. Forward hands its activations over to backward, so that a loss in between costs no second
 * forward.
 */
export class WholePasses implements Passes {
  readonly #forward: Session;
  readonly #backward: Session;
  readonly #saved: readonly Port[];
  readonly #parts: readonly Part[];
  readonly #pool = new TensorPool();

  private constructor(
    config: ModelConfig,
    sessions: { readonly forward: Session; readonly backward: Session },
    saved: readonly Port[],
  ) {
    this.#parts = partsOf(config);
    this.#forward = sessions.forward;
    this.#backward = sessions.backward;
    this.#saved = saved;
  }

  static async open(config: ModelConfig, options: PassesOptions): Promise<WholePasses> {
    const { trainable, lora, entropy, ...compute } = options;
    const graph = trainingGraph(config, { sharedPrefix: true, trainable, entropy, ...(lora && { lora }) });
    const { early, late, saved } = splitGraph(graph, ['weights', ...(entropy ? ['entropy_weights'] : [])]);
    const forward = await openSession(early, compute);
    try {
      return new WholePasses(config, { forward, backward: await openSession(late, compute) }, saved);
    } catch (error) {
      await forward[Symbol.asyncDispose]();
      throw error;
    }
  }

  async score({ batch, weights, temperature }: PassInputs): Promise<PickScores> {
    const scores = allocateScoreFetches(batch);
    await weights.borrow(this.#parts, async (all) => {
      await this.#forward.run(feedsOf(this.#forward, { ...all, ...batchFeeds(batch, temperature) }), { ...scores });
    });
    return scores;
  }

  async backward(
    { batch, weights, temperature }: PassInputs,
    weigh: (scores: PickScores) => PickWeights | undefined,
    gradients: GradientSink,
  ): Promise<boolean> {
    const scores = allocateScoreFetches(batch);
    const sizes = sizesOf(batch);
    const saved = this.#pool.allocate(
      this.#saved.map(({ name, shape }) => ({ name, shape: shape.map((dim) => evaluateDim(dim, sizes)) })),
    );
    return weights.borrow(this.#parts, async (all) => {
      const feeds = { ...all, ...batchFeeds(batch, temperature) };
      await this.#forward.run(feedsOf(this.#forward, feeds), { ...saved, ...scores });
      const picks = weigh(scores);
      if (picks === undefined) return false;
      const given = { ...feeds, ...saved, ...scores, ...weightFeeds(picks) };
      await gradients.write(this.#parts, async (views) => {
        await this.#backward.run(feedsOf(this.#backward, given), asGradients(views));
      });
      return true;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#forward[Symbol.asyncDispose]();
    await this.#backward[Symbol.asyncDispose]();
  }
}
