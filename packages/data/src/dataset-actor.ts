import { endpoint } from '@forge/monarch';
import { drainMetrics, type Metrics, watchEventLoop } from '@forge/observability';
import { ForgeActor } from '@forge/service';
import { type Dataset, type DatasetOptions, openDataset, type Sample, type SourceShare } from './dataset.ts';

/** Where a data set stands, as plain data. */
export interface DatasetState {
  /** Of the next sample. */
  readonly number: number;
  readonly sources: readonly SourceShare[];
}

/** Hands out the samples of a data set for ever, to any part of a program that asks. */
export class DatasetActor extends ForgeActor {
  static readonly module: string = import.meta.url;
  readonly #options: DatasetOptions;
  #opened: Dataset | undefined;
  #next = 0;
  #eventLoop: Disposable | undefined;

  constructor(options: DatasetOptions) {
    super();
    this.#options = options;
  }

  override async setup(): Promise<void> {
    this.#opened = await openDataset(this.#options);
    this.#eventLoop = watchEventLoop('dataset_perf');
  }

  override async cleanup(): Promise<void> {
    this.#eventLoop?.[Symbol.dispose]();
  }

  readonly sample = endpoint(async (): Promise<Sample> => {
    const sample = await this.#dataset.at(this.#next);
    this.#next += 1;
    return sample;
  });

  /** The sample with a number, whatever was handed out before; what `sample` hands out next stays the same. */
  readonly sampleAt = endpoint((number: number): Promise<Sample> => this.#dataset.at(number));

  /** What it is made of. */
  readonly sources = endpoint((): readonly SourceShare[] => this.#dataset.sources);

  /** Where the next sample is, for a checkpoint. */
  readonly stateDict = endpoint((): DatasetState => ({ number: this.#next, sources: this.#dataset.sources }));

  /** Continues from a state that `stateDict` gave. @throws {RangeError} when other tasks would follow there */
  readonly loadStateDict = endpoint(({ number, sources }: DatasetState): void => {
    const [before, now] = [JSON.stringify(sources), JSON.stringify(this.#dataset.sources)];
    if (!Number.isSafeInteger(number) || number < 0 || before !== now) {
      throw new RangeError(`A data set of ${now} cannot continue from number ${number} of one of ${before}.`);
    }
    this.#next = number;
  });

  /** What was recorded in this process since the last time; for `observe` of a `MetricLogger`. */
  readonly drainMetrics = endpoint((): Metrics => drainMetrics(), { concurrency: Number.POSITIVE_INFINITY });

  get #dataset(): Dataset {
    return this.#opened!; // an actor is called after its setup
  }
}
