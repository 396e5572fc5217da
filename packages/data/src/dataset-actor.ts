import type { Task } from '@forge/environments';
import { endpoint } from '@forge/monarch';
import { ForgeActor } from '@forge/service';
import { epochOrder, following, type Position } from './epochs.ts';
import { readGsm8k } from './gsm8k.ts';

export interface DatasetOptions {
  /** A file of GSM8K records, one JSON object a line. */
  readonly path: string;
  /** @default 0 */
  readonly seed?: number;
}

/** A task as it leaves the data set, numbered in the order of delivery. */
export interface Sample extends Task {
  /** 0, 1, 2, … over all epochs. */
  readonly number: number;
  readonly epoch: number;
}

/** One epoch ends while the next begins. */
const KEPT_ORDERS = 2;

/** Hands out the tasks of a file for ever, every epoch in an order of its own. */
export class DatasetActor extends ForgeActor {
  static readonly module: string = import.meta.url;
  readonly #path: string;
  readonly #seed: number;
  #tasks: readonly Task[] = [];
  /** The order of the epochs that were used last. */
  readonly #orders = new Map<number, readonly number[]>();
  #position: Position = { epoch: 0, index: 0 };

  constructor({ path, seed = 0 }: DatasetOptions) {
    super();
    this.#path = path;
    this.#seed = seed;
  }

  override async setup(): Promise<void> {
    this.#tasks = await readGsm8k(this.#path);
  }

  readonly sample = endpoint((): Sample => {
    const position = this.#position;
    this.#position = following(position, this.#tasks.length);
    return this.#at(position);
  });

  /** The sample with a number, whatever was handed out before; what `sample` hands out next stays the same. */
  readonly sampleAt = endpoint((number: number): Sample => {
    if (!Number.isSafeInteger(number) || number < 0) throw new RangeError(`number is ${number}; expected 0, 1, 2, …`);
    const { length } = this.#tasks;
    return this.#at({ epoch: Math.floor(number / length), index: number % length });
  });

  /** How many tasks one epoch has. */
  readonly size = endpoint((): number => this.#tasks.length);

  /** The position of the next sample, for a checkpoint. */
  readonly stateDict = endpoint((): Position => this.#position);

  /** Continues from a position that `stateDict` gave. @throws {RangeError} when an epoch of this file is shorter. */
  readonly loadStateDict = endpoint((position: Position): void => {
    const { epoch, index } = position;
    const { length } = this.#tasks;
    if (!(Number.isInteger(epoch) && epoch >= 0 && Number.isInteger(index) && index >= 0 && index < length)) {
      throw new RangeError(
        `${this.#path} has ${length} tasks an epoch; it cannot continue from ${JSON.stringify(position)}.`,
      );
    }
    this.#position = position;
  });

  #at({ epoch, index }: Position): Sample {
    const task = this.#tasks[this.#orderOf(epoch)[index]!]!; // an order holds every place of the file
    return { ...task, epoch, number: epoch * this.#tasks.length + index };
  }

  #orderOf(epoch: number): readonly number[] {
    const order = this.#orders.get(epoch) ?? epochOrder(this.#tasks.length, this.#seed, epoch);
    this.#orders.set(epoch, order);
    if (this.#orders.size > KEPT_ORDERS) this.#orders.delete(Math.min(...this.#orders.keys()));
    return order;
  }
}
