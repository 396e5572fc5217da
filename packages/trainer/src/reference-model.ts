import { scoringGraph } from '@forge/models';
import { endpoint } from '@forge/monarch';
import { drainMetrics, type Metrics, recordMetric, watchEventLoop } from '@forge/observability';
import { openSession, type Session } from '@forge/onnx';
import { ForgeActor } from '@forge/service';
import { readModel } from './open-training.ts';
import { type PackOptions, pack } from './packing/pack.ts';
import { scoreBatches } from './packing/scores.ts';
import { checkSequences, type Sequence } from './packing/sequence.ts';
import { ByLayout } from './passes/by-layout.ts';
import { type ComputeOptions, computeOptions, type ModelWeights } from './training-options.ts';

export interface ReferenceModelOptions extends PackOptions, ComputeOptions {
  /** A Hugging Face folder, or the name of a model on its hub. */
  readonly model: string;
  /** Divides the logits; that of the trainer. @default 1 */
  readonly temperature?: number;
}

/** A frozen model that scores completions, for the KL term. Source: torchforge `ReferenceModel`. */
export class ReferenceModel extends ForgeActor {
  static readonly module: string = import.meta.url;
  readonly #options: ReferenceModelOptions;
  #opened: (Pick<ModelWeights, 'config'> & { readonly sessions: ByLayout<Session> }) | undefined;
  #eventLoop: Disposable | undefined;

  constructor(options: ReferenceModelOptions) {
    super();
    this.#options = options;
  }

  override async setup(): Promise<void> {
    const { config, weights } = await readModel(this.#options.model);
    // They never change, so they are constants of the session: prepared once.
    const options = { ...computeOptions(this.#options), initializers: weights };
    const sessions = await ByLayout.open((sharedPrefix) =>
      openSession(scoringGraph(config, { sharedPrefix }), options),
    );
    this.#opened = { config, sessions };
    this.#eventLoop = watchEventLoop('reference_perf');
  }

  override async cleanup(): Promise<void> {
    this.#eventLoop?.[Symbol.dispose]();
    await this.#opened?.sessions[Symbol.asyncDispose]();
  }

  /** Log-probability of every token of `tokenIds` of each sequence. @throws {BatchError} when a sequence cannot be scored. */
  readonly forward = endpoint(
    async (sequences: readonly Sequence[]): Promise<readonly Float32Array[]> => {
      const { config, sessions } = this.#opened!; // the mesh delivers no call before setup() is done
      checkSequences(sequences, config);
      const { temperature = 1, ...packing } = this.#options;
      const start = performance.now();
      const batches = pack(sequences, packing);
      const scores = await scoreBatches(sessions, { sequences, batches }, temperature);
      recordMetric('reference_perf/forward/total_duration_ms', performance.now() - start);
      recordMetric('reference_perf/forward/count_forward_passes', batches.length, 'sum');
      for (const { promptIds, tokenIds } of sequences) {
        recordMetric('reference_perf/forward/avg_sequence_length', promptIds.length + tokenIds.length);
      }
      return scores.logProbs;
    },
    // The weights never change: a call that was lost with its process may run again elsewhere.
    { idempotent: true },
  );

  /** What was recorded in this process since the last time; for `observe` of a `MetricLogger`. */
  readonly drainMetrics = endpoint((): Metrics => drainMetrics(), { concurrency: Number.POSITIVE_INFINITY });
}
