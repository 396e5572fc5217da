// N tokens of all rows, D model width

import type { ModelConfig } from '@forge/models';
import type { Tensor } from '@forge/tensor';
import { type MicroBatch, tokenIdsOf } from '../packing/pack.ts';
import { batchFeeds } from '../packing/scores.ts';
import type { LayerSessions } from '../passes/layer-sessions.ts';
import { type Part, partsOfHead } from '../passes/parts.ts';
import type { GradientSink, NamedTensors, PickScores, PickWeights, WeightSource } from '../passes/passes.ts';
import { TensorPool } from '../passes/tensor-pool.ts';

type Stream = Tensor<'float32'>;

interface StageOptions {
  readonly config: ModelConfig;
  readonly sessions: LayerSessions;
  /** Of the layers that are its own, the first and the one after the last. */
  readonly firstLayer: number;
  readonly endLayer: number;
  /** Backward ends here: no weight below is trained. */
  readonly lowestLayer: number;
  /** Micro-batches between forward and backward. */
  readonly numInFlight: number;
  readonly weights: WeightSource;
  readonly gradients: GradientSink;
}

/**
 * Some layers of a model, with its embedding and head where they are the first and the last. Of each micro-batch between forward
 * and backward it keeps the residual stream before every layer.
 */
export class PipelineStage {
  readonly #options: StageOptions;
  readonly #pools: readonly TensorPool[];
  readonly #slopePool = new TensorPool();
  readonly #streams = new Map<number, readonly Stream[]>();

  constructor(options: StageOptions) {
    this.#options = options;
    this.#pools = Array.from({ length: options.numInFlight }, () => new TensorPool());
  }

  /** Where what goes into the stage is to be put; the streams of the micro-batch are kept until the next in its place. */
  begin(index: number, batch: MicroBatch): Stream {
    const { firstLayer, endLayer, numInFlight } = this.#options;
    const names = Array.from({ length: endLayer - firstLayer + 1 }, (_, i) => `x${i}`);
    const place = index % numInFlight;
    const allocated = this.#pools[place]!.allocate(this.#shapes(batch, names)); // one a place
    const streams = names.map((name) => allocated[name]!); // all were asked for
    this.#streams.set(place, streams);
    return streams[0]!; // one more than layers
  }

  /** Looks the tokens up, where the embedding is. */
  async embed(index: number, batch: MicroBatch): Promise<void> {
    const { sessions, weights } = this.#options;
    const [x] = this.#streamsOf(index);
    await weights.borrow(['embedding'], async (own) => sessions.embed({ weights: own, batch, x: x! }));
  }

  /** Runs the layers. @returns what comes out of the last of them */
  async forward(index: number, batch: MicroBatch, temperature: number): Promise<Stream> {
    const { sessions, weights, firstLayer, endLayer } = this.#options;
    const streams = this.#streamsOf(index);
    const feeds = batchFeeds(batch, temperature);
    for (let layer = firstLayer; layer < endLayer; layer++) {
      const [x, y] = streams.slice(layer - firstLayer) as [Stream, Stream];
      await weights.borrow([layer], (own) => sessions.layer({ weights: own, feeds, x, y }));
    }
    return streams.at(-1)!; // one more than layers
  }

  /** Scores the picks, where the head is. */
  score(index: number, batch: MicroBatch, temperature: number): Promise<PickScores> {
    const { config, sessions, weights } = this.#options;
    const head = { feeds: batchFeeds(batch, temperature), x: this.#streamsOf(index).at(-1)! };
    return weights.borrow(partsOfHead(config), (own) => sessions.head(batch, { ...head, weights: own }));
  }

  /** Backward of the head. @returns the slope of what goes into it */
  async headBackward(
    index: number,
    batch: MicroBatch,
    {
      picks,
      scores,
      temperature,
    }: { readonly picks: PickWeights; readonly scores: PickScores; readonly temperature: number },
  ): Promise<Stream> {
    const { config, sessions, weights, gradients, endLayer } = this.#options;
    const slopeOfX = this.slope(batch, endLayer);
    const head = { feeds: batchFeeds(batch, temperature), x: this.#streamsOf(index).at(-1)!, slopeOfX };
    const parts = partsOfHead(config);
    await weights.borrow(parts, (own) =>
      gradients.write(parts, (views) =>
        sessions.headBackward(picks, scores, { ...head, weights: own, gradients: views }),
      ),
    );
    return slopeOfX;
  }

  /**
   * Backward of the layers, from the slope of what comes out of the last of them.
   *
   * @returns the slope of what goes into the lowest that is trained
   */
  async backward(index: number, batch: MicroBatch, temperature: number): Promise<Stream> {
    const { sessions, weights, gradients, firstLayer, endLayer, lowestLayer } = this.#options;
    const streams = this.#streamsOf(index);
    const feeds = batchFeeds(batch, temperature);
    for (let layer = endLayer - 1; layer >= Math.max(firstLayer, lowestLayer); layer--) {
      const given = { feeds, x: streams[layer - firstLayer]!, slopeOfX: this.slope(batch, layer) };
      const run = (own: NamedTensors): Promise<void> =>
        gradients.write([layer], (views) =>
          sessions.layerBackward(this.slope(batch, layer + 1), { ...given, weights: own, gradients: views }),
        );
      await weights.borrow([layer], run);
    }
    const slope = this.slope(batch, Math.max(firstLayer, lowestLayer));
    if (firstLayer === 0 && lowestLayer === 0) await gradients.addToEmbedding(tokenIdsOf(batch), slope);
    return slope;
  }

  /** Memory for the slope of what goes into a layer; neighbouring layers have different ones. */
  slope(batch: MicroBatch, layer: number): Stream {
    return this.#slopePool.allocate(this.#shapes(batch, ['even', 'odd']))[layer % 2 === 0 ? 'even' : 'odd']!;
  }

  #streamsOf(index: number): readonly Stream[] {
    return this.#streams.get(index % this.#options.numInFlight)!; // begun before
  }

  #shapes(
    batch: MicroBatch,
    names: readonly string[],
  ): readonly { readonly name: string; readonly shape: readonly number[] }[] {
    return names.map((name) => ({ name, shape: [tokenIdsOf(batch).length, this.#options.config.hiddenSize] }));
  }
}

/** The layers among the parts of a stage. */
export const layersOf = (parts: readonly Part[]): readonly number[] =>
  parts.filter((part): part is number => typeof part === 'number');
