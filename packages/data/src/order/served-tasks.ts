import type { Task } from '@forge/environments';
import { readIndexed, type TaskIndex } from '../tasks/task-index.ts';
import { epochOrder } from './epoch-order.ts';
import { type Window, windowAt, windowOrder, windowsOf } from './windows.ts';

/** A task as a source serves it. */
export interface ServedTask {
  readonly task: Task;
  readonly epoch: number;
}

/** Tasks by number, 0, 1, 2, … without end: the same number gives the same task, whatever was asked for before. */
export interface ServedTasks {
  /** Tasks of one epoch; `undefined` where there are no epochs. */
  readonly size: number | undefined;
  at(number: number): ServedTask | Promise<ServedTask>;
}

export interface OrderOptions {
  readonly seed: number | string;
  /** Every epoch in an order of its own; else all in that of the file. */
  readonly shuffle: boolean;
}

/** One epoch ends while the next begins. */
const KEPT = 2;

/** Tasks that are in memory. */
export function servedFromMemory(tasks: readonly Task[], { seed, shuffle }: OrderOptions): ServedTasks {
  const size = tasks.length;
  const orderOf = keepLast((epoch: number) => epochOrder(size, seed, epoch));
  return {
    size,
    at: (number) => {
      const { epoch, index } = placeOf(number, size);
      return { task: tasks[shuffle ? orderOf(epoch)[index]! : index]!, epoch }; // an order holds every place
    },
  };
}

export interface StreamOptions extends OrderOptions {
  /** Tasks that are shuffled with one another; about twice as many are in memory. */
  readonly bufferSize: number;
}

/** Tasks that stay in their files: a window of them is read when it is needed. */
export function servedFromFiles(index: TaskIndex, options: StreamOptions): ServedTasks {
  const sizes = index.blocks.map(({ kept }) => kept);
  const size = sizes.reduce((sum, kept) => sum + kept, 0);
  const windowsIn = keepLast((epoch: number) => windowsOf(sizes, { ...options, epoch }));
  const loaded = keepLast(async (epoch: number, window: number) => {
    const one: Window = windowsIn(epoch)[window]!; // found in there
    const tasks = await readIndexed(index, one.blocks);
    return windowOrder(one, { ...options, epoch }).map((place) => tasks[place]!); // there are as many as it says
  });
  return {
    size,
    at: async (number) => {
      const { epoch, index: place } = placeOf(number, size);
      const windows = windowsIn(epoch);
      const window = windowAt(windows, place);
      return { task: (await loaded(epoch, window))[place - windows[window]!.start]!, epoch };
    },
  };
}

const placeOf = (number: number, size: number) => ({ epoch: Math.floor(number / size), index: number % size });

/** Keeps the results for the arguments that were asked for last. */
function keepLast<Args extends readonly number[], Result>(make: (...args: Args) => Result): (...args: Args) => Result {
  const kept = new Map<string, Result>();
  return (...args) => {
    const key = args.join(' ');
    const result = kept.get(key) ?? make(...args);
    kept.delete(key);
    kept.set(key, result);
    const [oldest] = kept.keys();
    if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
    return result;
  };
}
