// N tokens of all rows, D model width

import { gradientName, layerGraphs, type ModelConfig, nameInFirstLayer } from '@forge/models';
import { openSession, type Session } from '@forge/onnx';
import type { Tensor } from '@forge/tensor';
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
type GraphName = keyof ReturnType<typeof layerGraphs>;

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
  readonly #sessions: ReadonlyMap<GraphName, Session>;

  private constructor(sessions: ReadonlyMap<GraphName, Session>) {
    this.#sessions = sessions;
  }

  /** @param hasHead - whether the head is run, too. */
  static async open(
    config: ModelConfig,
    { trainable, lora, entropy, ...compute }: PassesOptions,
    hasHead = true,
  ): Promise<LayerSessions> {
    const graphs = layerGraphs(config, { sharedPrefix: true, trainable, entropy, ...(lora && { lora }) });
    const names = ['forward', 'backward', ...(hasHead ? (['head', 'headBackward'] as const) : [])] as const;
    const opened = new Map<GraphName, Session>();
    const sessions = new LayerSessions(opened);
    try {
      for (const name of names) opened.set(name, await openSession(graphs[name], compute));
      return sessions;
    } catch (error) {
      await sessions[Symbol.asyncDispose]();
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
    const { data, shape } = weights[EMBEDDING]!; // of the embedding
    const width = shape[1]!; // [vocabulary, D]
    for (const [token, id] of tokenIdsOf(batch).entries()) {
      x.data.set(data.subarray(Number(id) * width, (Number(id) + 1) * width), token * width);
    }
  }

  async layer({ weights, feeds, x, y }: PartInputs & { readonly x: Stream; readonly y: Stream }): Promise<void> {
    const session = this.#session('forward');
    await session.run(feedsOf(session, { ...likeFirstLayer(weights), ...feeds, x }), { y });
  }

  /** Log-probabilities and entropies of the picks of a micro-batch. */
  async head(batch: MicroBatch, { weights, feeds, x }: PartInputs & { readonly x: Stream }): Promise<PickScores> {
    const session = this.#session('head');
    const scores = allocateScoreFetches(batch);
    await session.run(feedsOf(session, { ...weights, ...feeds, x }), { ...scores });
    return scores;
  }

  async headBackward(picks: PickWeights, { weights, feeds, x, slopeOfX, gradients }: BackwardInputs): Promise<void> {
    const session = this.#session('headBackward');
    const given = feedsOf(session, { ...weights, ...feeds, ...weightFeeds(picks), x });
    await session.run(given, { ...asGradients(gradients), [gradientName('x')]: slopeOfX });
  }

  /** @param slopeOfY - of what came out of the layer. */
  async layerBackward(slopeOfY: Stream, { weights, feeds, x, slopeOfX, gradients }: BackwardInputs): Promise<void> {
    const session = this.#session('backward');
    const given = { ...likeFirstLayer(weights), ...feeds, x, [gradientName('y')]: slopeOfY };
    const fetches = asGradients(likeFirstLayer(gradients));
    await session.run(feedsOf(session, given), { ...fetches, [gradientName('x')]: slopeOfX });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions.values()) await session[Symbol.asyncDispose]();
  }

  #session(name: GraphName): Session {
    return this.#sessions.get(name)!; // opened for what is run
  }
}

const likeFirstLayer = (tensors: NamedTensors): NamedTensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, each]) => [nameInFirstLayer(name), each]));
