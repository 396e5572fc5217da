// N tokens of all rows, D model width

import { gradientName, layerGraphs, layerOf, type ModelConfig, nameInFirstLayer } from '@forge/models';
import { type Graph, openSession, type Session } from '@forge/onnx';
import type { Tensor } from '@forge/tensor';
import { type MicroBatch, sizesOf, tokenIdsOf } from './pack.ts';
import {
  type NamedTensors,
  type Passes,
  type PassesOptions,
  type PassInputs,
  type PickScores,
  type PickWeights,
  weightFeeds,
} from './passes.ts';
import { allocateScoreFetches, batchFeeds, feedsOf } from './scores.ts';
import { TensorPool } from './tensor-pool.ts';

const EMBEDDING = 'model.embed_tokens.weight';

type Sessions = Readonly<Record<keyof ReturnType<typeof layerGraphs>, Session>>;

/**
 * Passes layer by layer: forward keeps the residual stream between layers alone, and backward computes each layer again just
 * before its gradients. Memory of one layer's activations, for a third more work; sessions of one layer, which open quickly.
 */
export class LayeredPasses implements Passes {
  readonly #config: ModelConfig;
  readonly #sessions: Sessions;
  /** Backward ends here: no weight below is trained. */
  readonly #lowestLayer: number;
  readonly #pool = new TensorPool();

  private constructor(config: ModelConfig, sessions: Sessions, trainable: readonly string[]) {
    this.#config = config;
    this.#sessions = sessions;
    this.#lowestLayer = trainable.includes(EMBEDDING)
      ? 0
      : Math.min(...trainable.map((name) => layerOf(name) ?? config.numHiddenLayers));
  }

  static async open(
    config: ModelConfig,
    { trainable, lora, entropy, ...compute }: PassesOptions,
  ): Promise<LayeredPasses> {
    const graphs = layerGraphs(config, { sharedPrefix: true, trainable, entropy, ...(lora && { lora }) });
    const opened: Session[] = [];
    const open = async (graph: Graph): Promise<Session> => {
      const session = await openSession(graph, compute);
      opened.push(session);
      return session;
    };
    try {
      const sessions: Sessions = {
        forward: await open(graphs.forward),
        backward: await open(graphs.backward),
        head: await open(graphs.head),
        headBackward: await open(graphs.headBackward),
      };
      return new LayeredPasses(config, sessions, trainable);
    } catch (error) {
      for (const session of opened) await session[Symbol.asyncDispose]();
      throw error;
    }
  }

  async score({ batch, weights, temperature }: PassInputs): Promise<PickScores> {
    const { x0, x1 } = this.#pool.allocate(this.#streams(batch, ['x0', 'x1'])) as Record<
      'x0' | 'x1',
      Tensor<'float32'>
    >;
    const streams = Array.from({ length: this.#config.numHiddenLayers + 1 }, (_, layer) => (layer % 2 === 0 ? x0 : x1));
    return this.#forward({ batch, weights, temperature }, streams);
  }

  async backward(
    inputs: PassInputs,
    weigh: (scores: PickScores) => PickWeights | undefined,
    gradients: NamedTensors,
  ): Promise<boolean> {
    const { batch, weights, temperature } = inputs;
    const { numHiddenLayers } = this.#config;
    const names = Array.from({ length: numHiddenLayers + 1 }, (_, layer) => `x${layer}`);
    const allocated = this.#pool.allocate(this.#streams(batch, [...names, 'g0', 'g1']));
    const streams = names.map((name) => allocated[name]!); // all were asked for
    const slopes = [allocated['g0']!, allocated['g1']!] as const;
    const picks = weigh(await this.#forward(inputs, streams));
    if (picks === undefined) return false;

    const feeds = { ...batchFeeds(batch, temperature), ...weightFeeds(picks) };
    const { headBackward, backward } = this.#sessions;
    const last = { ...weights, ...feeds, x: streams[numHiddenLayers]! };
    await headBackward.run(feedsOf(headBackward, last), {
      ...fetchesOf(headBackward, gradients),
      [gradientName('x')]: slopes[numHiddenLayers % 2]!,
    });
    for (let layer = numHiddenLayers - 1; layer >= this.#lowestLayer; layer--) {
      const slope = { [gradientName('y')]: slopes[(layer + 1) % 2]! };
      const given = { ...ofLayer(weights, layer), ...feeds, ...slope, x: streams[layer]! };
      const fetches = fetchesOf(backward, ofLayer(gradients, layer));
      await backward.run(feedsOf(backward, given), { ...fetches, [gradientName('x')]: slopes[layer % 2]! });
    }
    const embedding = gradients[EMBEDDING];
    if (embedding !== undefined) {
      if (!this.#config.tieWordEmbeddings) embedding.data.fill(0);
      addRows(embedding, tokenIdsOf(batch), slopes[0]);
    }
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of Object.values(this.#sessions)) await session[Symbol.asyncDispose]();
  }

  async #forward(
    { batch, weights, temperature }: PassInputs,
    streams: readonly Tensor<'float32'>[],
  ): Promise<PickScores> {
    const { forward, head } = this.#sessions;
    const feeds = batchFeeds(batch, temperature);
    lookUp(weights[EMBEDDING]!, tokenIdsOf(batch), streams[0]!); // every model has an embedding, and one stream at least
    for (const [layer, x] of streams.slice(0, -1).entries()) {
      const y = streams[layer + 1]!; // all but the last were taken
      await forward.run(feedsOf(forward, { ...ofLayer(weights, layer), ...feeds, x }), { y });
    }
    const scores = allocateScoreFetches(batch);
    await head.run(feedsOf(head, { ...weights, ...feeds, x: streams.at(-1)! }), { ...scores });
    return scores;
  }

  #streams(
    batch: MicroBatch,
    names: readonly string[],
  ): { readonly name: string; readonly shape: readonly number[] }[] {
    const { rows, prefix, lanes, width } = sizesOf(batch);
    const shape = [rows * (prefix + lanes * width), this.#config.hiddenSize];
    return names.map((name) => ({ name, shape }));
  }
}

/** The tensors of one layer, by the names of the first. */
const ofLayer = (tensors: NamedTensors, layer: number): NamedTensors =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, each]) =>
      layerOf(name) === layer ? [[nameInFirstLayer(name), each]] : [],
    ),
  );

/** Where a session is to write the gradients that are wanted of it. */
const fetchesOf = ({ outputs }: Session, gradients: NamedTensors): Record<string, Tensor> => {
  const computed = new Set(outputs.map(({ name }) => name));
  const wanted = Object.entries(gradients).map(([name, tensor]) => [gradientName(name), tensor] as const);
  return Object.fromEntries(wanted.filter(([name]) => computed.has(name)));
};

function lookUp({ data, shape }: Tensor<'float32'>, ids: BigInt64Array, x_ND: Tensor<'float32'>): void {
  const width = shape[1]!; // [vocabulary, D]
  for (const [token, id] of ids.entries()) {
    x_ND.data.set(data.subarray(Number(id) * width, (Number(id) + 1) * width), token * width);
  }
}

/** Adds the gradient of each token to the row of its id. */
function addRows({ data, shape }: Tensor<'float32'>, ids: BigInt64Array, g_ND: Tensor<'float32'>): void {
  const width = shape[1]!; // [vocabulary, D]
  for (const [token, id] of ids.entries()) {
    const [to, from] = [Number(id) * width, token * width];
    for (let i = 0; i < width; i++) data[to + i]! += g_ND.data[from + i]!;
  }
}
