// N tokens of all rows, D model width

import { gradientName, layerGraphs, type ModelConfig, nameInFirstLayer } from '@forge/models';
import type { Tensor } from '@forge/tensor';
import { type MicroBatch, tokenIdsOf } from '../packing/pack.ts';
import { allocateScoreFetches, feedsOf } from '../packing/scores.ts';
import { ByLayout } from './by-layout.ts';
import { lookUp } from './embedding-rows.ts';
import { openSessions, type Sessions } from './open-sessions.ts';
import { EMBEDDING } from './parts.ts';
import {
  asGradients,
  type NamedTensors,
  type PassesOptions,
  type PickScores,
  type PickWeights,
  weightFeeds,
} from './passes.ts';
import { SlicedHead } from './sliced-head.ts';

type Stream = Tensor<'float32'>;
type Feeds = Readonly<Record<string, Tensor>>;

/** What a run of a part gets: its weights by their names, and the feeds of the micro-batch. */
interface PartInputs {
  readonly weights: NamedTensors;
  readonly feeds: Feeds;
}

/** The head also gets what comes out of the last layer, `[N, D]`. */
export interface HeadInputs extends PartInputs {
  readonly x: Stream;
}

/** Backward of a part: its gradients are overwritten. */
export interface BackwardInputs extends PartInputs {
  /** What went into the part, `[N, D]`, and where the slope of it goes. */
  readonly x: Stream;
  readonly slopeOfX: Stream;
  readonly gradients: NamedTensors;
}

/** Each takes about 20 bytes, and these stay near the cache. */
const MAX_LOGITS = 2 ** 22;

interface HeadSessions {
  readonly whole: Sessions<'head' | 'headBackward'>;
  readonly sliced: SlicedHead;
  readonly maxLogits: number;
}

/** The parts of a model, each run by itself: one session for all layers, which gets the weights of one at a time. */
export class LayerSessions implements AsyncDisposable {
  readonly #layers: ByLayout<Sessions<'forward' | 'backward'>>;
  readonly #head: HeadSessions | undefined;
  readonly #vocabSize: number;

  private constructor(
    { vocabSize }: ModelConfig,
    layers: ByLayout<Sessions<'forward' | 'backward'>>,
    head: HeadSessions | undefined,
  ) {
    this.#vocabSize = vocabSize;
    this.#layers = layers;
    this.#head = head;
  }

  /** @param hasHead - whether the head is run, too. */
  static async open(
    config: ModelConfig,
    { trainable, lora, entropy, maxLogits = MAX_LOGITS, ...compute }: PassesOptions,
    hasHead = true,
  ): Promise<LayerSessions> {
    const graphsOf = (sharedPrefix: boolean) =>
      layerGraphs(config, { sharedPrefix, trainable, entropy, ...(lora && { lora }) });
    const layers = await ByLayout.open((sharedPrefix) => {
      const { forward, backward } = graphsOf(sharedPrefix);
      return openSessions({ forward, backward }, compute);
    });
    const opened: AsyncDisposable[] = [layers];
    try {
      if (!hasHead) return new LayerSessions(config, layers, undefined);
      const { head, headBackward } = graphsOf(false); // it sees no rows
      const whole = await openSessions({ head, headBackward }, compute);
      opened.push(whole);
      const sliced = await SlicedHead.open(config, { trainable, entropy, maxLogits, ...compute });
      return new LayerSessions(config, layers, { whole, sliced, maxLogits });
    } catch (error) {
      for (const each of opened) await each[Symbol.asyncDispose]();
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
  async head(batch: MicroBatch, inputs: HeadInputs): Promise<PickScores> {
    const { whole, sliced } = this.#head!; // opened for what is run
    if (this.#isSliced(inputs.feeds)) return sliced.score(inputs);
    const { weights, feeds, x } = inputs;
    const scores = allocateScoreFetches(batch);
    await whole.head.run(feedsOf(whole.head, { ...weights, ...feeds, x }), { ...scores });
    return scores;
  }

  /** @param scores - of the picks, by `head`. */
  async headBackward(picks: PickWeights, scores: PickScores, inputs: BackwardInputs): Promise<void> {
    const { whole, sliced } = this.#head!; // opened for what is run
    if (this.#isSliced(inputs.feeds)) return sliced.backward(picks, scores, inputs);
    const { weights, feeds, x, slopeOfX, gradients } = inputs;
    const { headBackward: session } = whole;
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
    await this.#head?.whole[Symbol.asyncDispose]();
    await this.#head?.sliced[Symbol.asyncDispose]();
  }

  #isSliced({ targets }: Feeds): boolean {
    return targets!.data.length * this.#vocabSize > this.#head!.maxLogits; // every micro-batch has targets
  }

  #ofLayout(feeds: Feeds): Promise<Sessions<'forward' | 'backward'>> {
    return this.#layers.of(feeds['prefix_ids'] !== undefined);
  }
}

const likeFirstLayer = (tensors: NamedTensors): NamedTensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, each]) => [nameInFirstLayer(name), each]));
