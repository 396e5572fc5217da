import { KvSlots, type Move } from './kv-slots.ts';

/** What the scheduler needs to know of a sequence. */
export interface Schedulable {
  /** Sequences of one group have the same prompt. */
  readonly group: object;
  readonly promptIds: readonly number[];
}

/** One prompt to compute and the sequences that start from it. */
export interface Admission<S extends Schedulable> {
  readonly promptIds: readonly number[];
  readonly sequences: readonly S[];
  /** The slot of each sequence. */
  readonly slots: readonly number[];
}

/** Limits of the scheduler. */
export interface SchedulerLimits {
  /** Sequences that run at the same time. */
  readonly maxSequences: number;
  /** Tokens of one prefill run, padding included. A longer prompt runs alone. */
  readonly maxPrefillTokens: number;
}

/** Decides which sequences run: first come, first served. Knows no tensors and no clock. */
export class Scheduler<S extends Schedulable> {
  readonly #slots: KvSlots<S>;
  readonly #maxPrefillTokens: number;
  #waiting: S[] = [];

  constructor({ maxSequences, maxPrefillTokens }: SchedulerLimits) {
    this.#slots = new KvSlots(maxSequences);
    this.#maxPrefillTokens = maxPrefillTokens;
  }

  /** Sequences without a slot, in order of arrival. */
  get waiting(): readonly S[] {
    return this.#waiting;
  }

  /** Sequences with a slot; the index is the slot. */
  get running(): readonly S[] {
    return this.#slots.owners;
  }

  /** Queues sequences; those of one group must come together. */
  add(sequences: readonly S[]): void {
    this.#waiting.push(...sequences);
  }

  /** Gives slots to as many waiting sequences as slots and the token budget allow, in order of arrival. */
  admit(): readonly Admission<S>[] {
    const admissions: { promptIds: readonly number[]; sequences: S[]; slots: number[] }[] = [];
    let longest = 0;
    let numAdmitted = 0;
    for (const sequence of this.#waiting) {
      const last = admissions.at(-1);
      const joins = last?.sequences[0]?.group === sequence.group;
      longest = Math.max(longest, sequence.promptIds.length);
      if (!joins && last && (admissions.length + 1) * longest > this.#maxPrefillTokens) break;
      const slot = this.#slots.take(sequence);
      if (slot === undefined) break;
      numAdmitted++;
      if (joins) {
        last.sequences.push(sequence);
        last.slots.push(slot);
      } else {
        admissions.push({ promptIds: sequence.promptIds, sequences: [sequence], slots: [slot] });
      }
    }
    this.#waiting.splice(0, numAdmitted);
    return admissions;
  }

  /** Forgets finished and given-up sequences, waiting ones included; the moves close the holes they leave. */
  release(leaving: ReadonlySet<S>): readonly Move[] {
    if (leaving.size === 0) return [];
    if (this.#waiting.length > 0) this.#waiting = this.#waiting.filter((sequence) => !leaving.has(sequence));
    return this.#slots.release(leaving);
  }
}
