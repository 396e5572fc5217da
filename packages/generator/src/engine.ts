//  generate ──▶ waiting ──admit──▶ running ──finish──▶ completions
//                 ▲                   │ ▲
//  a step: updates of the weights · slots of finished and given-up sequences are freed · admit and prefill ·
//          decode all running · sample · deliver; then the event loop runs, and messages change what waits.
//  Between two steps nothing runs in the session, so there, and only there, weights and slots change.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Weights } from '@forge/models';
import { Random } from '@forge/tensor';
import type { Completion } from './completion.ts';
import type { CompletionDelta } from './completion-delta.ts';
import { type EngineOptions, resolveEngineOptions } from './engine-options.ts';
import { EngineStoppedError, StepError } from './errors.ts';
import { checkPrompt, type Prompt } from './prompt.ts';
import { Request } from './request.ts';
import type { Runner } from './runner.ts';
import { Sampler } from './sampler.ts';
import { checkLogitBias, type ResolvedSamplingParams } from './sampling-params.ts';
import { Scheduler } from './scheduler.ts';
import type { Sequence } from './sequence.ts';

/**
 * What an update does to sequences that are running: `inFlight` goes on with their caches, `drain` lets them finish
 * first and admits no others meanwhile, `abort` ends them with what they have.
 */
export type UpdateMode = 'inFlight' | 'drain' | 'abort';

/** What accompanies a request. */
export interface GenerateOptions {
  /** Gives the request up, its slots within a step. */
  readonly signal?: AbortSignal | undefined;
  /** Sees each completion grow, token by token. */
  readonly onDelta?: (delta: CompletionDelta) => void;
}

/** New weights that wait for the next moment between two steps. */
interface Update {
  readonly weights: Weights;
  readonly version: number;
  readonly mode: UpdateMode;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Generates for many requests at once; they join and leave between steps. */
export class Engine implements AsyncDisposable {
  readonly #runner: Runner;
  readonly #limits: Omit<Required<EngineOptions>, 'runner' | 'seed'>;
  readonly #random: Random;
  readonly #sampler: Sampler;
  readonly #scheduler: Scheduler<Sequence>;
  /** Sequences that ended or were given up, but still hold their slot or their place in the queue. */
  readonly #leaving = new Set<Sequence>();
  #updates: Update[] = [];
  #version = 0;
  #numRequests = 0;
  #isActive = false;
  #isStopped = false;
  #loop: Promise<void> = Promise.resolve();

  /** @throws {RangeError} when a limit is no whole number of at least 1. */
  constructor(options: EngineOptions) {
    const { runner, seed, ...limits } = resolveEngineOptions(options);
    this.#runner = runner;
    this.#limits = limits;
    this.#random = new Random(seed);
    this.#sampler = new Sampler(runner.config.vocabSize);
    this.#scheduler = new Scheduler(limits);
  }

  /** The version of the weights that the next step runs with; 0 until the first update. */
  get version(): number {
    return this.#version;
  }

  get numRunning(): number {
    return this.#scheduler.running.length;
  }

  get numWaiting(): number {
    return this.#scheduler.waiting.length;
  }

  /**
   * The completions of a prompt, in order of their index.
   *
   * @throws {PromptError} when the prompt is empty, too long or no prompt of this vocabulary; {@link SamplingParamsError}
   * when a bias is of a token outside of it.
   * @throws {StepError} when the run failed that it was part of; {@link LogitsError} when its logits were broken.
   * @throws {EngineStoppedError} when the engine stops first; the reason of `signal` when that aborts first.
   */
  async generate(
    prompt: Prompt,
    params: ResolvedSamplingParams,
    { signal, onDelta }: GenerateOptions = {},
  ): Promise<readonly Completion[]> {
    if (this.#isStopped) throw new EngineStoppedError();
    signal?.throwIfAborted();
    this.check(prompt.ids, params);
    const { decode, endTokenIds, maxModelLength } = this.#limits;
    const request = new Request({
      prompt,
      params,
      finishRules: {
        stopTokenIds: new Set([...endTokenIds, ...params.stopTokenIds]),
        maxTokens: Math.min(params.maxTokens, maxModelLength - prompt.ids.length),
      },
      random:
        params.seed === undefined ? this.#random.split(`request ${this.#numRequests++}`) : new Random(params.seed),
      decode,
      arrivedAtMs: performance.now(),
      onDelta,
    });
    const giveUp = () => this.#fail(request, signal?.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
    this.#scheduler.add(request.sequences);
    this.#wake();
    try {
      return await request.completions;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  /** @throws {PromptError} {SamplingParamsError} when `generate` would refuse this prompt with these options. */
  check(promptIds: readonly number[], params: ResolvedSamplingParams): void {
    const { vocabSize } = this.#runner.config;
    checkPrompt(promptIds, { vocabSize, maxModelLength: this.#limits.maxModelLength });
    checkLogitBias(params, vocabSize);
  }

  /** Runs with other weights from a moment between two steps on; settles then. Updates are applied in order. */
  async update(weights: Weights, version: number, mode: UpdateMode): Promise<void> {
    if (this.#isStopped) throw new EngineStoppedError();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#updates.push({ weights, version, mode, resolve, reject });
    this.#wake();
    await promise;
  }

  /** Fails what is unfinished with {@link EngineStoppedError}, waits for the run in progress, closes the session. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isStopped) return this.#loop;
    this.#isStopped = true;
    const stopped = new EngineStoppedError();
    for (const { group } of [...this.#scheduler.running, ...this.#scheduler.waiting]) this.#fail(group, stopped);
    for (const { reject } of this.#updates) reject(stopped);
    this.#updates = [];
    await this.#loop;
    this.#loop = this.#runner[Symbol.asyncDispose]();
    await this.#loop;
  }

  /** Starts the loop unless it runs. It ends when there is nothing to do. */
  #wake(): void {
    if (this.#isActive) return;
    this.#isActive = true;
    this.#loop = this.#run();
  }

  async #run(): Promise<void> {
    do {
      await nextTurn();
      await this.#step();
    } while (this.numRunning + this.numWaiting + this.#updates.length > 0);
    this.#isActive = false;
  }

  async #step(): Promise<void> {
    this.#release();
    this.#applyUpdates();
    if (this.#updates.length === 0) await this.#prefill();
    this.#release();
    if (this.numRunning > 0) await this.#decodeRunning();
    this.#release();
  }

  /** Stops at an update that waits for running sequences: none is admitted until it is through. */
  #applyUpdates(): void {
    for (let update = this.#updates[0]; update; update = this.#updates[0]) {
      if (update.mode === 'abort') this.#abortRunning();
      if (update.mode === 'drain' && this.numRunning > 0) return;
      this.#runner.setWeights(update.weights);
      this.#version = update.version;
      this.#updates.shift();
      update.resolve();
    }
  }

  #abortRunning(): void {
    const nowMs = performance.now();
    for (const sequence of this.#scheduler.running) {
      sequence.group.deliver(sequence, { reason: 'abort' }, nowMs);
      this.#leaving.add(sequence);
    }
    this.#release();
  }

  async #prefill(): Promise<void> {
    const admissions = this.#scheduler.admit();
    if (admissions.length === 0) return;
    const admittedAtMs = performance.now();
    try {
      const logits = await this.#runner.prefill(admissions);
      const nowMs = performance.now();
      admissions.forEach(({ promptIds, sequences }, row) => {
        sequences.forEach((sequence, member) => {
          sequence.admitted(admittedAtMs, member === 0 ? 0 : promptIds.length);
          this.#advance(sequence, logits[row]!, nowMs); // one row an admission
        });
      });
    } catch (error) {
      const failure = new StepError('prefill', error);
      for (const { sequences } of admissions) for (const { group } of sequences) this.#fail(group, failure);
    }
  }

  async #decodeRunning(): Promise<void> {
    const sequences = [...this.#scheduler.running];
    try {
      const rows = sequences.map(({ lastTokenId, numTokens }) => ({ tokenId: lastTokenId, numTokens }));
      const logits = await this.#runner.decode(rows);
      const nowMs = performance.now();
      sequences.forEach((sequence, row) => {
        this.#advance(sequence, logits[row]!, nowMs); // one row a sequence
      });
    } catch (error) {
      const failure = new StepError('decode', error);
      for (const { group } of sequences) this.#fail(group, failure);
    }
  }

  /** Gives a sequence its next token. A fault of its own logits fails its request and no other. */
  #advance(sequence: Sequence, logits_V: Float32Array, nowMs: number): void {
    const { group } = sequence;
    if (group.isSettled) return;
    try {
      const sample = this.#sampler.sample(logits_V, group.params, sequence);
      const finish = sequence.push(sample, this.#version, nowMs);
      if (finish) this.#leaving.add(sequence);
      group.deliver(sequence, finish, nowMs);
    } catch (error) {
      this.#fail(group, error);
    }
  }

  #fail(request: Request, error: unknown): void {
    if (request.isSettled) return;
    request.fail(error);
    for (const sequence of request.sequences) this.#leaving.add(sequence);
  }

  #release(): void {
    if (this.#leaving.size === 0) return;
    const moves = this.#scheduler.release(this.#leaving);
    this.#leaving.clear();
    // The last token of a sequence is not in its cache yet.
    for (const move of moves) this.#runner.moveSlot(move, this.#scheduler.running[move.to]!.numTokens - 1);
  }
}
