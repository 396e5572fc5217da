// N tokens of all rows, D model width

import { layerOf, type ModelConfig } from '@forge/models';
import type { Tensor } from '@forge/tensor';
import { type MicroBatch, tokenIdsOf } from '../packing/pack.ts';
import { batchFeeds } from '../packing/scores.ts';
import { LayerSessions } from './layer-sessions.ts';
import { EMBEDDING, type Part, partsOfHead } from './parts.ts';
import type {
  GradientSink,
  NamedTensors,
  Passes,
  PassesOptions,
  PassInputs,
  PickScores,
  PickWeights,
} from './passes.ts';
import { TensorPool } from './tensor-pool.ts';

type Stream = Tensor<'float32'>;

/**
 * Passes layer by layer: forward keeps the residual stream between layers alone, and backward computes each layer again just
 * before its gradients. Memory of one layer's activations, for a third more work; sessions of one layer, which open quickly.
 */
export class LayeredPasses implements Passes {
  readonly writes: readonly (readonly Part[])[];
  readonly #config: ModelConfig;
  readonly #sessions: LayerSessions;
  /** Backward ends here: no weight below is trained. */
  readonly #lowestLayer: number;
  readonly #headParts: readonly Part[];
  readonly #pool = new TensorPool();

  private constructor(config: ModelConfig, sessions: LayerSessions, trainable: readonly string[]) {
    this.#config = config;
    this.#sessions = sessions;
    this.#lowestLayer = lowestTrainedLayer(config, trainable);
    this.#headParts = partsOfHead(config);
    const layers = [...Array(config.numHiddenLayers).keys()].slice(this.#lowestLayer).toReversed();
    this.writes = [this.#headParts, ...layers.map((layer) => [layer])];
  }

  static async open(config: ModelConfig, options: PassesOptions): Promise<LayeredPasses> {
    return new LayeredPasses(config, await LayerSessions.open(config, options), options.trainable);
  }

  async score(inputs: PassInputs): Promise<PickScores> {
    const { x0, x1 } = this.#pool.allocate(this.#streams(inputs.batch, ['x0', 'x1'])) as Record<'x0' | 'x1', Stream>;
    const streams = Array.from({ length: this.#config.numHiddenLayers + 1 }, (_, layer) => (layer % 2 === 0 ? x0 : x1));
    await this.#forward(inputs, streams);
    const feeds = batchFeeds(inputs.batch, inputs.temperature);
    return inputs.weights.borrow(this.#headParts, (weights) =>
      this.#sessions.head(inputs.batch, { weights, feeds, x: streams.at(-1)! }),
    );
  }

  async backward(
    inputs: PassInputs,
    weigh: (scores: PickScores) => PickWeights | undefined,
    gradients: GradientSink,
  ): Promise<boolean> {
    const { batch, weights, temperature } = inputs;
    const { numHiddenLayers } = this.#config;
    const names = Array.from({ length: numHiddenLayers + 1 }, (_, layer) => `x${layer}`);
    const allocated = this.#pool.allocate(this.#streams(batch, [...names, 'g0', 'g1']));
    const streams = names.map((name) => allocated[name]!); // all were asked for
    const slopes = [allocated['g0']!, allocated['g1']!] as const;
    await this.#forward(inputs, streams);

    const feeds = batchFeeds(batch, temperature);
    const ofHead = { x: streams[numHiddenLayers]!, slopeOfX: slopes[numHiddenLayers % 2]!, feeds };
    const hasRun = await weights.borrow(
      this.#headParts,
      async (own) => {
        const scores = await this.#sessions.head(batch, { ...ofHead, weights: own });
        const picks = weigh(scores);
        if (picks === undefined) return false;
        await gradients.write(this.#headParts, (views) =>
          this.#sessions.headBackward(picks, scores, { ...ofHead, weights: own, gradients: views }),
        );
        return true;
      },
      [numHiddenLayers - 1],
    );
    if (!hasRun) return false;
    for (let layer = numHiddenLayers - 1; layer >= this.#lowestLayer; layer--) {
      const ofLayer = { x: streams[layer]!, slopeOfX: slopes[layer % 2]!, feeds };
      const run = (own: NamedTensors) =>
        gradients.write([layer], (views) =>
          this.#sessions.layerBackward(slopes[(layer + 1) % 2]!, { ...ofLayer, weights: own, gradients: views }),
        );
      await weights.borrow([layer], run, layer === this.#lowestLayer ? [] : [layer - 1]);
    }
    if (this.#lowestLayer === 0) await gradients.addToEmbedding(tokenIdsOf(batch), slopes[0]);
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sessions[Symbol.asyncDispose]();
  }

  /** From the tokens to what goes into the head; `streams` has what goes into each layer, too. */
  async #forward({ batch, weights, temperature }: PassInputs, streams: readonly Stream[]): Promise<void> {
    const feeds = batchFeeds(batch, temperature);
    const last = this.#config.numHiddenLayers - 1;
    await weights.borrow(
      ['embedding'],
      async (own) => this.#sessions.embed({ weights: own, batch, x: streams[0]! }),
      [0],
    );
    for (let layer = 0; layer <= last; layer++) {
      const [x, y] = [streams[layer]!, streams[layer + 1]!]; // one more than layers
      await weights.borrow(
        [layer],
        (own) => this.#sessions.layer({ weights: own, feeds, x, y }),
        layer === last ? this.#headParts : [layer + 1],
      );
    }
  }

  #streams(
    batch: MicroBatch,
    names: readonly string[],
  ): { readonly name: string; readonly shape: readonly number[] }[] {
    const shape = [tokenIdsOf(batch).length, this.#config.hiddenSize];
    return names.map((name) => ({ name, shape }));
  }
}

/** The first layer that backward has to reach: the one below which no weight is trained. */
export function lowestTrainedLayer({ numHiddenLayers }: ModelConfig, trainable: readonly string[]): number {
  if (trainable.includes(EMBEDDING)) return 0;
  return Math.min(...trainable.map((name) => layerOf(name) ?? numHiddenLayers));
}
