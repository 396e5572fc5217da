//  waiting ──admit──▶ running ──finish──▶ completions
//     ▲                 │ ▲
//     └────preempt──────┘ └─ a step: slots of finished and given-up sequences are freed · admit and prefill ·
//                            preempt what memory has no room for · decode all running · sample · deliver
import { setImmediate as nextTurn } from 'node:timers/promises';
import { StepError } from '../errors.ts';
import type { FilledSlot, Move } from '../runner/cache/kv-slots.ts';
import type { Runner } from '../runner/runner.ts';
import type { PreparedWeights } from '../runner/weight-sessions.ts';
import { type Logits, Sampler } from '../sampling/sampler.ts';
import { Prefill } from './prefill.ts';
import { prepareConstraints } from './prepare-constraints.ts';
import type { Request } from './request.ts';
import { Scheduler, type SchedulerLimits } from './scheduler.ts';
import type { Sequence } from './sequence.ts';

/** Moves sequences on, one token a step. Between two steps nothing runs in the session: then, and only then, weights and slots change. */
export class Stepper {
  readonly #runner: Runner;
  readonly #scheduler: Scheduler<Sequence>;
  readonly #prefill: Prefill;
  readonly #sampler: Sampler;
  /** Sequences that ended or were given up, but still hold their slot or their place in the queue. */
  readonly #leaving = new Set<Sequence>();
  /** Tokens to forget when what has left is kept: they may be among it. */
  readonly #toForget: { readonly ids: readonly number[]; readonly from: number }[] = [];
  #version = 0;

  constructor(runner: Runner, limits: Omit<SchedulerLimits, 'fits'>) {
    this.#runner = runner;
    this.#scheduler = new Scheduler({ ...limits, fits: (demand) => runner.fits(demand) });
    const fail = (request: Request, error: unknown): void => this.fail(request, error);
    this.#prefill = new Prefill({ runner, scheduler: this.#scheduler, fail, ...limits });
    this.#sampler = new Sampler(runner.config.vocabSize);
  }

  get version(): number {
    return this.#version;
  }

  /** Sequences with a slot, those included that have ended and are about to give it back. */
  get running(): readonly Sequence[] {
    return this.#scheduler.running;
  }

  /** Those that go on. */
  get numUnfinished(): number {
    return this.running.reduce((count, sequence) => (this.#leaving.has(sequence) ? count : count + 1), 0);
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

  /** Forgets the keys and values of `ids` from place `from` on that no other sequence begins with. */
  forget(ids: readonly number[], from: number): void {
    this.#toForget.push({ ids, from });
    this.#forget();
  }

  /** Ends what is running with what it has. */
  async abortRunning(): Promise<void> {
    const nowMs = performance.now();
    for (const sequence of this.running) {
      sequence.group.deliver(sequence, { reason: 'abort' }, nowMs);
      this.#leaving.add(sequence);
    }
    await this.release();
  }

  /** Has what is running wait, to be computed again from its tokens so far. */
  async preemptRunning(): Promise<void> {
    await this.#move(this.#scheduler.preemptAll((sequence) => sequence.preempted()));
  }

  setWeights(weights: PreparedWeights, version: number): void {
    this.#runner.setWeights(weights);
    this.#version = version;
    this.#prefill.restart(version);
  }

  /** Begins what may start: computes its tokens, or the next piece of them. */
  async prefill(): Promise<void> {
    if (await this.#prefill.run()) await nextTurn(); // it has filled slots, and the next run may hold the event loop as well
    await this.release();
  }

  /** Gives each running sequence its next token. */
  async decode(): Promise<void> {
    await this.#preempt();
    const { running } = this; // nobody joins or leaves before the end
    if (running.length === 0) return;
    const startedAtMs = performance.now();
    try {
      await this.#runner.reserve(this.#scheduler.room, this.#prefill.isBegun);
      const logits = await this.#decode(running);
      const nowMs = performance.now();
      // One row a sequence.
      for (let row = 0; row < running.length; row++) this.#advance(running[row]!, logits[row]!, nowMs);
    } catch (error) {
      const failure = new StepError('decode', error);
      for (const { group } of running) this.fail(group, failure);
    }
    await this.release(startedAtMs);
  }

  /**
   * Keeps what those who have left have computed, and frees their slots.
   *
   * @param turnedAtMs - since when the event loop may be held. @default now
   */
  async release(turnedAtMs: number = performance.now()): Promise<void> {
    if (this.#leaving.size === 0) return;
    const leaving = new Set(this.#leaving); // others that leave meanwhile are next
    await this.#runner.keep(this.#filledBy(leaving), turnedAtMs);
    for (const sequence of leaving) this.#leaving.delete(sequence);
    this.#forget();
    await this.#move(this.#scheduler.release(leaving));
  }

  #forget(): void {
    if (this.#leaving.size > 0) return;
    for (const { ids, from } of this.#toForget.splice(0)) this.#runner.forget(ids, from);
  }

  *#filledBy(leaving: ReadonlySet<Sequence>): Iterable<FilledSlot> {
    for (const [slot, sequence] of this.running.entries()) {
      if (leaving.has(sequence) && sequence.isComputedWith(this.#version)) yield { ids: sequence.computedIds(), slot };
    }
  }

  /** Runs; where requests have constraints, the tokens that may come next are looked for meanwhile. */
  #decode(sequences: readonly Sequence[]): Promise<readonly Logits[]> | readonly Logits[] {
    const run = this.#runner.decode(sequences);
    if (!sequences.some(({ constrained }) => constrained)) return run;
    const prepared = prepareConstraints(sequences, (group, error) => this.fail(group, error));
    return Promise.all([run, prepared]).then(([logits]) => logits);
  }

  async #preempt(): Promise<void> {
    const numScratchTokens = this.#prefill.isBegun ? this.#runner.numScratchTokens : 0;
    await this.#move(this.#scheduler.preempt(numScratchTokens, (sequence) => sequence.preempted()));
  }

  async #move(moves: readonly Move[]): Promise<void> {
    if (moves.length === 0) return;
    // Its owner is there already.
    await this.#runner.copySlots(moves.map((move) => ({ ...move, numTokens: this.running[move.to]!.numComputed })));
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
