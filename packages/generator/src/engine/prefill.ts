import { StepError } from '../errors.ts';
import { TOKENS_PER_BLOCK } from '../runner/cache/prefix-tree.ts';
import type { Runner } from '../runner/runner.ts';
import type { Request } from './request.ts';
import type { Admission, Scheduler } from './scheduler.ts';
import type { Sequence } from './sequence.ts';

/**
 * While steps are shorter than this, sequences that come one by one are computed together: a run for one prompt of a small
 * model costs as much as one for several.
 */
const MS_BETWEEN_PREFILLS = 6;

/** Fewer tokens that are known are computed again, together with those of other sequences: a run costs about as much as they. */
const KNOWN_TOKENS_WORTH_A_RUN = 64;

/** A sequence whose tokens are computed in pieces, between the steps of those that run. */
interface Begun {
  readonly ids: readonly number[];
  /** Tokens that were known. */
  readonly numKnown: number;
  numDone: number;
}

/** What sequences are begun with. */
export interface PrefillParts {
  readonly runner: Runner;
  readonly scheduler: Scheduler<Sequence>;
  readonly maxSequences: number;
  readonly maxPrefillTokens: number;
  /** Settles a request that could not be begun. */
  readonly fail: (request: Request, error: unknown) => void;
}

/** Gives slots to sequences that wait, and fills them with the keys and values of their tokens. */
export class Prefill {
  readonly #runner: Runner;
  readonly #scheduler: Scheduler<Sequence>;
  readonly #parts: PrefillParts;
  #begun: Begun | undefined;
  #endedAtMs = Number.NEGATIVE_INFINITY;
  #version = 0;

  constructor(parts: PrefillParts) {
    this.#runner = parts.runner;
    this.#scheduler = parts.scheduler;
    this.#parts = parts;
  }

  /** Whether a sequence is computed in pieces, in scratch memory. */
  get isBegun(): boolean {
    return this.#begun !== undefined;
  }

  /** From now on with weights of this version: what was begun with others is begun again. */
  restart(version: number): void {
    this.#version = version;
    this.#begun = undefined;
  }

  /** Begins what may start, or computes the next piece of what is begun. Returns whether it was time to. */
  async run(): Promise<boolean> {
    if (!this.#begun) await this.#admitForks();
    if (!this.#begun && this.#holdsBack()) return false;
    const isAlone = (ids: readonly number[]) =>
      ids.length > this.#parts.maxPrefillTokens || this.#runner.numKnown(ids) >= KNOWN_TOKENS_WORTH_A_RUN;
    const admissions = this.#begun ? [] : this.#scheduler.admitTogether(isAlone);
    if (admissions.length > 0) await this.#prefillTogether(admissions);
    else await this.#prefillAlone();
    this.#endedAtMs = performance.now();
    return true;
  }

  /** Whether those who wait had better be computed with others who come soon: few of them, and not long since the last. */
  #holdsBack(): boolean {
    const { running, waiting } = this.#scheduler;
    const { maxSequences } = this.#parts;
    if (running.length === 0) return false;
    const numJoining = Math.min(waiting.length, maxSequences - running.length);
    if (numJoining >= maxSequences / 8) return false;
    return numJoining === 0 || performance.now() - this.#endedAtMs < MS_BETWEEN_PREFILLS;
  }

  /** Fills the slots of late members of a group from those of members that run. */
  async #admitForks(): Promise<void> {
    const forks = this.#scheduler.admitFrom((running) => running.isComputedWith(this.#version));
    if (forks.length === 0) return;
    try {
      await this.#runner.reserve(this.#scheduler.room, false);
      await this.#runner.copySlots(
        forks.map(({ sequence, from, to }) => ({ from, to, numTokens: sequence.cachedIds.length })),
      );
      const nowMs = performance.now();
      for (const { sequence } of forks) sequence.admitted(nowMs, sequence.cachedIds.length, this.#version);
    } catch (error) {
      const failure = new StepError('prefill', error);
      for (const { sequence } of forks) this.#parts.fail(sequence.group, failure);
    }
  }

  async #prefillTogether(admissions: readonly Admission<Sequence>[]): Promise<void> {
    const [first] = admissions;
    const isKnown = admissions.length === 1 && first !== undefined && this.#runner.numKnown(first.ids) > 0;
    try {
      if (isKnown) {
        this.#admitted(first.sequences, first.ids, await this.#runner.complete(first, this.#scheduler.room));
        return;
      }
      await this.#runner.prefill(admissions, this.#scheduler.room);
      for (const { ids, sequences } of admissions) this.#admitted(sequences, ids, 0);
    } catch (error) {
      const failure = new StepError('prefill', error);
      for (const { sequences } of admissions) for (const { group } of sequences) this.#parts.fail(group, failure);
    }
  }

  /** Computes pieces of sequences, one after the other, until the budget of a step is used up. */
  async #prefillAlone(): Promise<void> {
    let numLeft = Math.max(TOKENS_PER_BLOCK, this.#parts.maxPrefillTokens);
    while (numLeft >= TOKENS_PER_BLOCK) {
      const ids = this.#begun?.ids ?? this.#scheduler.nextAlone();
      if (!ids) return;
      const waiting = this.#scheduler.waiting.filter(({ cachedIds }) => cachedIds === ids);
      if (waiting.length === 0) {
        this.#begun = undefined; // given up
        continue;
      }
      try {
        this.#begun ??= await this.#begin(ids);
        const { numDone, numKnown } = this.#begun;
        // In whole blocks, so that a piece has the same bits as the whole: its tokens are multiplied in even numbers.
        const to = Math.min(ids.length, numDone + numLeft - (numLeft % TOKENS_PER_BLOCK));
        if (to > numDone) await this.#runner.extend(ids, numDone, to);
        numLeft -= to - numDone;
        this.#begun.numDone = to;
        if (to < ids.length) return;
        const { sequences, slots } = this.#scheduler.admitAlone(ids);
        if (sequences.length === 0) return; // what runs has grown: it waits for the room
        this.#begun = undefined;
        await this.#runner.reserve(this.#scheduler.room, true);
        await this.#runner.finish(ids, slots);
        this.#admitted(sequences, ids, numKnown);
      } catch (error) {
        this.#begun = undefined;
        const failure = new StepError('prefill', error);
        for (const { group } of waiting) this.#parts.fail(group, failure);
        return;
      }
    }
  }

  async #begin(ids: readonly number[]): Promise<Begun> {
    const numKnown = await this.#runner.begin(ids, this.#scheduler.room);
    return { ids, numKnown, numDone: numKnown };
  }

  /** The first of a group is told what was known of its tokens; for the others all of them were copied. */
  #admitted(sequences: readonly Sequence[], ids: readonly number[], numKnown: number): void {
    const nowMs = performance.now();
    sequences.forEach((sequence, member) => {
      sequence.admitted(nowMs, member === 0 ? numKnown : ids.length, this.#version);
    });
  }
}
