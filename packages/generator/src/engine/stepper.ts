//  waiting ──admit──▶ running ──finish──▶ completions
//     ▲                 │ ▲
//     └────preempt──────┘ └─ a step: slots of finished and given-up sequences are freed · admit and prefill ·
//                            preempt what memory has no room for · decode all running · sample · deliver
import { StepError } from '../errors.ts';
import type { Move } from '../runner/cache/kv-slots.ts';
import { TOKENS_PER_BLOCK } from '../runner/cache/prefix-tree.ts';
import type { Runner } from '../runner/runner.ts';
import type { PreparedWeights } from '../runner/weight-sessions.ts';
import { type Logits, Sampler } from '../sampling/sampler.ts';
import { prepareConstraints } from './prepare-constraints.ts';
import type { Request } from './request.ts';
import { type Admission, Scheduler, type SchedulerLimits } from './scheduler.ts';
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

/** Moves sequences on, one token a step. Between two steps nothing runs in the session: then, and only then, weights and slots change. */
export class Stepper {
  readonly #runner: Runner;
  readonly #maxPrefillTokens: number;
  readonly #maxSequences: number;
  readonly #scheduler: Scheduler<Sequence>;
  readonly #sampler: Sampler;
  /** Sequences that ended or were given up, but still hold their slot or their place in the queue. */
  readonly #leaving = new Set<Sequence>();
  #begun: Begun | undefined;
  #prefilledAtMs = Number.NEGATIVE_INFINITY;
  #version = 0;

  constructor(runner: Runner, limits: Omit<SchedulerLimits, 'fits'>) {
    this.#runner = runner;
    this.#maxPrefillTokens = limits.maxPrefillTokens;
    this.#maxSequences = limits.maxSequences;
    this.#scheduler = new Scheduler({ ...limits, fits: (demand) => runner.fits(demand) });
    this.#sampler = new Sampler(runner.config.vocabSize);
  }

  get version(): number {
    return this.#version;
  }

  get running(): readonly Sequence[] {
    return this.#scheduler.running;
  }

  get waiting(): readonly Sequence[] {
    return this.#scheduler.waiting;
  }

  add(request: Request): void {
    this.#scheduler.add(request.sequences);
  }

  /** Settles a request with an error, unless it is settled, and frees what it holds with the next step. */
  fail(request: Request, error: unknown): void {
    if (request.isSettled) return;
    request.fail(error);
    for (const sequence of request.sequences) this.#leaving.add(sequence);
  }

  /** Ends what is running with what it has. */
  abortRunning(): void {
    const nowMs = performance.now();
    for (const sequence of this.running) {
      sequence.group.deliver(sequence, { reason: 'abort' }, nowMs);
      this.#leaving.add(sequence);
    }
    this.release();
  }

  /** Has what is running wait, to be computed again from its tokens so far. */
  preemptRunning(): void {
    this.#move(this.#scheduler.preemptAll((sequence) => sequence.preempted()));
  }

  setWeights(weights: PreparedWeights, version: number): void {
    this.#runner.setWeights(weights);
    this.#version = version;
    this.#begun = undefined; // was begun with the old ones
  }

  /** Admits what may start and computes its prompt, or the next piece of it. */
  async prefill(): Promise<void> {
    if (!this.#begun) this.#admitForks();
    if (!this.#begun && this.#holdsBack()) return;
    const isAlone = (ids: readonly number[]) =>
      ids.length > this.#maxPrefillTokens || this.#runner.numKnown(ids) >= KNOWN_TOKENS_WORTH_A_RUN;
    const admissions = this.#begun ? [] : this.#scheduler.admitTogether(isAlone);
    if (admissions.length > 0) await this.#prefillTogether(admissions);
    else await this.#prefillAlone();
    this.#prefilledAtMs = performance.now();
    this.release();
  }

  /** Gives each running sequence its next token. */
  async decode(): Promise<void> {
    this.#preempt();
    const { running } = this; // nobody joins or leaves before the end
    if (running.length === 0) return;
    try {
      this.#runner.reserve(this.#scheduler.room, this.#begun !== undefined);
      const logits = await this.#decode(running);
      const nowMs = performance.now();
      // One row a sequence.
      for (let row = 0; row < running.length; row++) this.#advance(running[row]!, logits[row]!, nowMs);
    } catch (error) {
      const failure = new StepError('decode', error);
      for (const { group } of running) this.fail(group, failure);
    }
    this.release();
  }

  /** Frees the slots of what has left. */
  release(): void {
    if (this.#leaving.size === 0) return;
    this.running.forEach((sequence, slot) => {
      if (!this.#leaving.has(sequence) || !sequence.isComputedWith(this.#version)) return;
      this.#runner.keep(sequence.computedIds(), slot);
    });
    const moves = this.#scheduler.release(this.#leaving);
    this.#leaving.clear();
    this.#move(moves);
  }

  /** Whether those who wait had better be computed with others who come soon: few of them, and not long since the last. */
  #holdsBack(): boolean {
    if (this.running.length === 0) return false;
    const numJoining = Math.min(this.waiting.length, this.#maxSequences - this.running.length);
    if (numJoining >= this.#maxSequences / 8) return false;
    return numJoining === 0 || performance.now() - this.#prefilledAtMs < MS_BETWEEN_PREFILLS;
  }

  /** Runs; where requests have constraints, the tokens that may come next are looked for meanwhile. */
  #decode(sequences: readonly Sequence[]): Promise<readonly Logits[]> | readonly Logits[] {
    const run = this.#runner.decode(sequences);
    if (!sequences.some(({ constrained }) => constrained)) return run;
    const prepared = prepareConstraints(sequences, (group, error) => this.fail(group, error));
    return Promise.all([run, prepared]).then(([logits]) => logits);
  }

  /** Fills the slots of late members of a group from those of members that run. */
  #admitForks(): void {
    const forks = this.#scheduler.admitFrom((running) => running.isComputedWith(this.#version));
    if (forks.length === 0) return;
    try {
      this.#runner.reserve(this.#scheduler.room, false);
      const nowMs = performance.now();
      for (const { sequence, from, to } of forks) {
        const { length } = sequence.cachedIds;
        this.#runner.copySlot({ from, to }, length);
        sequence.admitted(nowMs, length, this.#version);
      }
    } catch (error) {
      const failure = new StepError('prefill', error);
      for (const { sequence } of forks) this.fail(sequence.group, failure);
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
      for (const { sequences } of admissions) for (const { group } of sequences) this.fail(group, failure);
    }
  }

  /** Computes pieces of sequences, one after the other, until the budget of a step is used up. */
  async #prefillAlone(): Promise<void> {
    let numLeft = Math.max(TOKENS_PER_BLOCK, this.#maxPrefillTokens);
    while (numLeft >= TOKENS_PER_BLOCK) {
      const ids = this.#begun?.ids ?? this.#scheduler.nextAlone();
      if (!ids) return;
      const waiting = this.waiting.filter(({ cachedIds }) => cachedIds === ids);
      if (waiting.length === 0) {
        this.#begun = undefined; // given up
        continue;
      }
      try {
        this.#begun ??= this.#begin(ids);
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
        this.#runner.reserve(this.#scheduler.room, true);
        this.#runner.finish(ids, slots);
        this.#admitted(sequences, ids, numKnown);
      } catch (error) {
        this.#begun = undefined;
        const failure = new StepError('prefill', error);
        for (const { group } of waiting) this.fail(group, failure);
        return;
      }
    }
  }

  #begin(ids: readonly number[]): Begun {
    const numKnown = this.#runner.begin(ids, this.#scheduler.room);
    return { ids, numKnown, numDone: numKnown };
  }

  /** The first of a group is told what was known of its tokens; for the others all of them were copied. */
  #admitted(sequences: readonly Sequence[], ids: readonly number[], numKnown: number): void {
    const nowMs = performance.now();
    sequences.forEach((sequence, member) => {
      sequence.admitted(nowMs, member === 0 ? numKnown : ids.length, this.#version);
    });
  }

  #preempt(): void {
    const numScratchTokens = this.#begun ? this.#runner.numScratchTokens : 0;
    this.#move(this.#scheduler.preempt(numScratchTokens, (sequence) => sequence.preempted()));
  }

  #move(moves: readonly Move[]): void {
    for (const move of moves) this.#runner.copySlot(move, this.running[move.to]!.numComputed); // its owner now
  }

  /** Gives a sequence its next token. A fault of its own logits fails its request and no other. */
  #advance(sequence: Sequence, logits: Logits, nowMs: number): void {
    const { group } = sequence;
    if (group.isSettled) return;
    try {
      const sample = this.#sampler.sample(logits, group.params, sequence);
      const finish = sequence.push(sample, this.#version, nowMs);
      if (finish) this.#leaving.add(sequence);
      group.deliver(sequence, finish, nowMs);
    } catch (error) {
      this.fail(group, error);
    }
  }
}
