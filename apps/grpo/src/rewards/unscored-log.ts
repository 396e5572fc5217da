import { recordMetric } from '@forge/observability';
import type { Score, Unscored } from '@forge/run';

/** How many answers have no score, by what went wrong. */
export type UnscoredCounts = readonly (readonly [kind: string, count: number])[];

/** Counts answers without a score, and says why: the first of each kind, then the tenth, the hundredth, … */
export class UnscoredLog {
  readonly #note: (line: string) => void;
  readonly #counts = new Map<string, number>();

  constructor(note: (line: string) => void) {
    this.#note = note;
  }

  /** By what went wrong, to go on from. */
  get state(): UnscoredCounts {
    return [...this.#counts];
  }

  /** Goes on from what another counted. */
  restore(counts: UnscoredCounts): void {
    for (const [kind, count] of counts) this.#counts.set(kind, count);
  }

  /** All of them. */
  get count(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  add(scores: readonly Score[]): void {
    for (const { unscored } of scores) if (unscored !== undefined) this.#count(unscored);
  }

  #count({ function: name, reason, message }: Unscored): void {
    const kind = `${name}/${reason}`;
    recordMetric(`reward/unscored/${kind}`, 1, 'sum');
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    if (!Number.isInteger(Math.log10(count))) return;
    this.#note(`Without a score (${name}): ${message}${count === 1 ? '' : `, and ${count - 1} more like it`}`);
  }
}
