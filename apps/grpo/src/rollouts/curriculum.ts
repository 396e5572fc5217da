import { createHash } from 'node:crypto';
import type { Group, Sample } from '@forge/data';
import type { Task } from '@forge/environments';
import { Random } from '@forge/tensor';
import type { Config } from '../config/config.ts';

/** What is known of a task, by the share of right answers to it; tasks that were never asked are `normal`. */
export type Pool = 'easy' | 'normal' | 'hard';

/** What a curriculum has learned, to go on from. */
export interface CurriculumState {
  /** Number of the next sample of the data set. */
  readonly next: number;
  /** Share of right answers of each task that was asked, by its key. */
  readonly rates: readonly (readonly [key: string, rate: number])[];
  /** The sample of each group that was begun and is not done. */
  readonly picked: readonly (readonly [group: number, sample: number])[];
}

/** So many tasks are passed over at most before one is asked all the same. */
const PASSED_OVER_AT_MOST = 1000;

/**
 * Asks tasks in the order of the data set, and passes over some of those that are known as easy or hard. Which they are depends on
 * the answers that were counted before, and on the seed.
 *
 * Source: prime-rl `DifficultyPoolSampler`.
 */
export class Curriculum {
  readonly #settings: Config['curriculum'];
  readonly #random: Random;
  readonly #sampleAt: (number: number) => Promise<Sample>;
  readonly #rates: Map<string, number>;
  /** Groups that are begun and not counted, and their samples. */
  readonly #picked: Map<number, number>;
  readonly #keys = new Map<number, string>();
  #next: number;
  #passedOver = 0;
  /** One is picked after the other, in the order in which they are asked for. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    { curriculum, run }: Pick<Config, 'curriculum' | 'run'>,
    sampleAt: (number: number) => Promise<Sample>,
    { next, rates, picked }: CurriculumState = { next: 0, rates: [], picked: [] },
  ) {
    this.#settings = curriculum;
    this.#random = new Random(run.seed).split('curriculum');
    this.#sampleAt = sampleAt;
    this.#next = next;
    this.#rates = new Map(rates);
    this.#picked = new Map(picked);
  }

  get state(): CurriculumState {
    return { next: this.#next, rates: [...this.#rates], picked: [...this.#picked] };
  }

  /** The task of a group. */
  pick(group: number): Promise<Sample> {
    const picked = this.#last.then(() => this.#pick(group));
    this.#last = picked.catch(() => undefined); // told to who asked for it
    return picked;
  }

  /** Counts the answers of groups, in the order of their numbers. */
  count(groups: readonly Group[]): void {
    const { memory } = this.#settings;
    for (const { number, episodes } of groups.toSorted((a, b) => a.number - b.number)) {
      const key = this.#keys.get(number);
      this.#keys.delete(number);
      this.#picked.delete(number);
      if (key === undefined || this.#asksAll) continue;
      const rate = episodes.filter(({ isRight }) => isRight).length / episodes.length;
      const before = this.#rates.get(key) ?? rate;
      this.#rates.set(key, memory * before + (1 - memory) * rate);
    }
  }

  /** Nothing is passed over, so nothing has to be known. */
  get #asksAll(): boolean {
    return this.#settings.easyShare === 1 && this.#settings.hardShare === 1;
  }

  /** How many tasks are known to be of each pool, and how many were passed over since the last time. */
  takeMetrics(): Readonly<Record<string, number>> {
    if (this.#asksAll) return {};
    const pools = [...this.#rates.values()].map((rate) => poolOf(rate, this.#settings));
    const of = (wanted: Pool): number => pools.filter((pool) => pool === wanted).length;
    const passedOver = this.#passedOver;
    this.#passedOver = 0;
    return {
      'curriculum/easy': of('easy'),
      'curriculum/normal': of('normal'),
      'curriculum/hard': of('hard'),
      'curriculum/passedOver': passedOver,
    };
  }

  async #pick(group: number): Promise<Sample> {
    const known = this.#picked.get(group);
    for (let passedOver = 0; ; passedOver++) {
      const number = known ?? this.#next++;
      const sample = await this.#sampleAt(number);
      const key = keyOf(sample);
      if (known !== undefined || passedOver >= PASSED_OVER_AT_MOST || this.#isAsked(key, number)) {
        this.#picked.set(group, number);
        this.#keys.set(group, key);
        return sample;
      }
      this.#passedOver++;
    }
  }

  #isAsked(key: string, number: number): boolean {
    const { easyShare, hardShare } = this.#settings;
    const rate = this.#rates.get(key);
    const shares = { easy: easyShare, normal: 1, hard: hardShare };
    const share = shares[rate === undefined ? 'normal' : poolOf(rate, this.#settings)];
    return share === 1 || this.#random.split(`sample ${number}`).uniform() < share;
  }
}

/** Where both pools claim a task it is easy. */
export function poolOf(
  rate: number,
  { easyFrom, hardUpTo }: Pick<Config['curriculum'], 'easyFrom' | 'hardUpTo'>,
): Pool {
  if (rate >= easyFrom) return 'easy';
  return rate <= hardUpTo ? 'hard' : 'normal';
}

/** Tells tasks apart, whenever and under whatever number they come. */
const keyOf = ({ messages, target }: Task): string =>
  createHash('sha256')
    .update(JSON.stringify([messages, target]))
    .digest('base64url')
    .slice(0, 16);
