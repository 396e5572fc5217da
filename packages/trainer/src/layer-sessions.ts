// N tokens of all rows, D model width

import { gradientName, layerGraphs, type ModelConfig, nameInFirstLayer } from '@forge/models';
import type { Tensor } from '@forge/tensor';
import { ByLayout } from './by-layout.ts';
import { lookUp } from './embedding-rows.ts';
import { openSessions, type Sessions } from './open-sessions.ts';
import { type MicroBatch, tokenIdsOf } from './pack.ts';
import { EMBEDDING } from './parts.ts';
import {
  asGradients,
  type NamedTensors,
  type PassesOptions,
  type PickScores,
  type PickWeights,
  weightFeeds,
} from './passes.ts';
import { allocateScoreFetches, feedsOf } from './scores.ts';

type Stream = Tensor<'float32'>;
type Feeds = Readonly<Record<string, Tensor>>;

/** What a run of a part gets: its weights by their names, and the feeds of the micro-batch. */
interface PartInputs {
  readonly weights: NamedTensors;
  readonly feeds: Feeds;
}

/** Backward of a part: its gradients are overwritten. */
interface BackwardInputs extends PartInputs {
  /** What went into the part, `[N, D]`, and where the slope of it goes. */
  readonly x: Stream;
  readonly slopeOfX: Stream;
  readonly gradients: NamedTensors;
}

/** The parts of a model, each run by itself: one session for all layers, which gets the weights of one at a time. */
export class LayerSessions implements AsyncDisposable {
  readonly #layers: ByLayout<Sessions<'forward' | 'backward'>>;
  readonly #head: Sessions<'head' | 'headBackward'> | undefined;

  private constructor(
    layers: ByLayout<Sessions<'forward' | 'backward'>>,
    head: Sessions<'head' | 'headBackward'> | undefined,
  ) {
    this.#layers = layers;
    this.#head = head;
  }

  /** @param hasHead - whether the head is run, too. */
  static async open(
    config: ModelConfig,
    { trainable, lora, entropy, ...compute }: PassesOptions,
    hasHead = true,
  ): Promise<LayerSessions> {
    const graphsOf = (sharedPrefix: boolean) =>
      layerGraphs(config, { sharedPrefix, trainable, entropy, ...(lora && { lora }) });
    const layers = await ByLayout.open((sharedPrefix) => {
      const { forward, backward } = graphsOf(sharedPrefix);
      return openSessions({ forward, backward }, compute);
    });
    try {
      const { head, headBackward } = graphsOf(false); // it sees no rows
      return new LayerSessions(layers, hasHead ? await openSessions({ head, headBackward }, compute) : undefined);
    } catch (error) {
      await layers[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Looks the tokens of a micro-batch up. */
  embed({
    weights,
    batch,
    x,
  }: {
    readonly weights: NamedTensors;
    readonly batch: MicroBatch;
    readonly x: Stream;
  }): void {
    lookUp(weights[EMBEDDING]!, tokenIdsOf(batch), x); // of the embedding
  }

  async layer({ weights, feeds, x, y }: PartInputs & { readonly x: Stream; readonly y: Stream }): Promise<void> {
    const { forward: session } = await this.#ofLayout(feeds);
    await session.run(feedsOf(session, { ...likeFirstLayer(weights), ...feeds, x }), { y });
  }

  /** Log-probabilities and entropies of the picks of a micro-batch. */
  async head(batch: MicroBatch, { weights, feeds, x }: PartInputs & { readonly x: Stream }): Promise<PickScores> {
    const { head: session } = this.#head!; // opened for what is run
    const scores = allocateScoreFetches(batch);
    await session.run(feedsOf(session, { ...weights, ...feeds, x }), { ...scores });
    return scores;
  }

  async headBackward(picks: PickWeights, { weights, feeds, x, slopeOfX, gradients }: BackwardInputs): Promise<void> {
    const { headBackward: session } = this.#head!; // opened for what is run
    const given = feedsOf(session, { ...weights, ...feeds, ...weightFeeds(picks), x });
    await session.run(given, { ...asGradients(gradients), [gradientName('x')]: slopeOfX });
  }

  /** @param slopeOfY - of what came out of the layer. */
  async layerBackward(slopeOfY: Stream, { weights, feeds, x, slopeOfX, gradients }: BackwardInputs): Promise<void> {
    const { backward: session } = await this.#ofLayout(feeds);
    const given = { ...likeFirstLayer(weights), ...feeds, x, [gradientName('y')]: slopeOfY };
    const fetches = asGradients(likeFirstLayer(gradients));
    await session.run(feedsOf(session, given), { ...fetches, [gradientName('x')]: slopeOfX });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#layers[Symbol.asyncDispose]();
    await this.#head?.[Symbol.asyncDispose]();
  }

  #ofLayout(feeds: Feeds): Promise<Sessions<'forward' | 'backward'>> {
    return this.#layers.of(feeds['prefix_ids'] !== undefined);
  }
}

const likeFirstLayer = (tensors: NamedTensors): NamedTensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, each]) => [nameInFirstLayer(name), each]));
