import type { Task } from '@forge/environments';
import { SourceError } from './errors.ts';
import { Mixture } from './order/mixture.ts';
import { openSource, type SourceOrder } from './sources/open-source.ts';
import { nameOf, type TaskSource } from './sources/task-source.ts';

/** One source, or several by weight, and their order. */
export type DatasetOptions = SourceOrder & (TaskSource | { readonly sources: readonly TaskSource[] });

/** A task as it leaves a data set, numbered in the order of delivery. */
export interface Sample extends Task {
  /** 0, 1, 2, … over all epochs and sources. */
  readonly number: number;
  /** Of its source. */
  readonly epoch: number;
  readonly source: string;
}

/** What a mixture is made of. */
export interface SourceShare {
  readonly name: string;
  /** Of the samples. */
  readonly share: number;
  /** Tasks of one epoch; absent where tasks are made without end. */
  readonly size?: number;
}

/** Tasks without end, by number. */
export interface Dataset {
  readonly sources: readonly SourceShare[];
  /**
   * The sample with a number, 0, 1, 2, …: it depends on the sources, the seed and the number alone.
   *
   * @throws {RangeError} for another number, {DatasetError} when a file that is streamed has changed.
   */
  at(number: number): Promise<Sample>;
}

/**
 * Opens a data set: reads its files once, from beginning to end.
 *
 * @throws {DatasetError} {SourceError} {RangeError} and what the hub throws.
 */
export async function openDataset(options: DatasetOptions): Promise<Dataset> {
  const sources = 'sources' in options ? options.sources : [options];
  if (sources.length === 0) throw new RangeError('A data set needs a source.');
  const weights = sources.map(({ weight = 1 }) => weight);
  const mixture = new Mixture(weights);
  const names = sources.map(nameOf);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new SourceError(twice, 'two sources have that name. Give one of them another.');
  const isOne = sources.length === 1;
  const served = await Promise.all(
    sources.map((source, i) => openSource(source, options, isOne ? undefined : names[i]!)),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return {
    sources: served.map(({ size }, i) => ({
      name: names[i]!, // one for each source
      share: weights[i]! / total,
      ...(size !== undefined && { size }),
    })),
    at: async (number) => {
      if (!Number.isSafeInteger(number) || number < 0) throw new RangeError(`number is ${number}; expected 0, 1, 2, …`);
      const { source, index } = mixture.at(number);
      const { task, epoch } = await served[source]!.at(index); // a mixture deals out to these
      return { ...task, source: names[source]!, epoch, number };
    },
  };
}
