import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Weights } from '@forge/models';
import { Random } from '@forge/tensor';
import { ConstraintError, EngineStoppedError } from '../errors.ts';
import { lendWeights } from '../runner/lent-weights.ts';
import type { DrawnTokens, QuantizationMismatch } from '../runner/quantization-mismatch.ts';
import type { Runner } from '../runner/runner.ts';
import { checkLogitBias, type ResolvedSamplingParams } from '../sampling/sampling-params.ts';
import type { Completion } from './completion.ts';
import type { CompletionDelta } from './completion-delta.ts';
import { type EngineOptions, type ResolvedEngineOptions, resolveEngineOptions } from './engine-options.ts';
import { checkPrompt, type Prompt } from './prompt.ts';
import { Request } from './request.ts';
import { Stepper } from './stepper.ts';
import { type UpdateMode, UpdateQueue, type WeightsSource } from './update-queue.ts';

/** What accompanies a request. */
export interface GenerateOptions {
  /** Gives the request up, its slots within a step. */
  readonly signal?: AbortSignal | undefined;
  /** Sees each completion grow, token by token. */
  readonly onDelta?: (delta: CompletionDelta) => void;
  /** Requests of a lower number are begun first, and lose their place last when memory runs out. @default 0 */
  readonly priority?: number;
}

/** Generates for many requests at once; they join and leave between steps. */
export class Engine implements AsyncDisposable {
  readonly #runner: Runner;
  readonly #limits: Omit<ResolvedEngineOptions, 'runner' | 'seed'>;
  readonly #random: Random;
  readonly #stepper: Stepper;
  readonly #updates: UpdateQueue;
  /** Of the last request that finished. */
  #drawn: DrawnTokens | undefined;
  #numRequests = 0;
  #numUnseeded = 0;
  #isActive = false;
  #isStopped = false;
  #busyMs = 0;
  #loop: Promise<void> = Promise.resolve();

  /** @throws {RangeError} when a limit is no whole number of at least 1. */
  constructor(options: EngineOptions) {
    const { runner, seed, ...limits } = resolveEngineOptions(options);
    this.#runner = runner;
    this.#limits = limits;
    this.#random = new Random(seed);
    this.#stepper = new Stepper(runner, limits);
    this.#updates = new UpdateQueue({
      prepare: (lent, signal) => runner.prepare(lent, { signal, drawn: this.#drawn }),
      onReady: () => this.#wake(),
    });
  }

  /** The version of the weights that the next step runs with; 0 until the first update. */
  get version(): number {
    return this.#stepper.version;
  }

  get numRunning(): number {
    return this.#stepper.numUnfinished;
  }

  /** Tokens that a prompt and its completion can have together. */
  get maxModelLength(): number {
    return this.#limits.maxModelLength;
  }

  get numWaiting(): number {
    return this.#stepper.waiting.length;
  }

  /**
   * The completions of a prompt, in order of their index.
   *
   * @throws {PromptError} when the prompt is empty, too long or no prompt of this vocabulary; {@link SamplingParamsError}
   * when a bias is of a token outside of it; {@link ConstraintError} when `structuredOutputs` cannot be obeyed.
   * @throws {StepError} when the run failed that it was part of; {@link LogitsError} when its logits were broken.
   * @throws {EngineStoppedError} when the engine stops first; the reason of `signal` when that aborts first.
   */
  async generate(
    prompt: Prompt,
    params: ResolvedSamplingParams,
    { signal, onDelta, priority = 0 }: GenerateOptions = {},
  ): Promise<readonly Completion[]> {
    this.check(prompt.ids, params);
    const { decode, constraints, endTokenIds, maxModelLength } = this.#limits;
    const constraint = params.structuredOutputs && (await constraints?.of(params.structuredOutputs));
    if (this.#isStopped) throw new EngineStoppedError();
    signal?.throwIfAborted();
    const request = new Request({
      prompt,
      params,
      constraint,
      finishRules: {
        stopTokenIds: new Set([...endTokenIds, ...params.stopTokenIds]),
        maxTokens: Math.min(params.maxTokens, maxModelLength - prompt.ids.length),
      },
      random:
        params.seed === undefined ? this.#random.split(`request ${this.#numUnseeded++}`) : new Random(params.seed),
      decode,
      arrivedAtMs: performance.now(),
      priority,
      arrival: this.#numRequests++,
      onDelta,
    });
    const giveUp = () => this.#stepper.fail(request, signal?.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
    this.#stepper.add(request);
    this.#wake();
    try {
      const completions = await request.completions;
      const longest = completions.reduce((a, b) => (b.tokenIds.length > a.tokenIds.length ? b : a));
      this.#drawn = { ids: [...prompt.ids, ...longest.tokenIds], from: prompt.ids.length };
      return completions;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  /** @throws {PromptError} {SamplingParamsError} {ConstraintError} when `generate` would refuse this prompt with these options. */
  check(promptIds: readonly number[], params: ResolvedSamplingParams): void {
    const { vocabSize } = this.#runner.config;
    checkPrompt(promptIds, { vocabSize, maxModelLength: this.#limits.maxModelLength });
    checkLogitBias(params, vocabSize);
    const { structuredOutputs } = params;
    if (!structuredOutputs) return;
    const { constraints } = this.#limits;
    if (!constraints) throw new ConstraintError('this engine was opened without the texts of its tokens.');
    constraints.check(structuredOutputs);
  }

  /** Forgets the keys and values of `ids` from place `from` on that no other sequence begins with. @param from - @default 0 */
  forget(ids: readonly number[], from = 0): void {
    this.#stepper.forget(ids, from);
  }

  /**
   * Runs with other weights from a moment between two steps on; settles then. Steps go on while they are fetched, if
   * they are given as a function, and prepared. Updates are applied in order, without those that a newer one overtakes
   * before their turn: they settle with it, and the strictest of their modes is its mode.
   *
   * @returns how far quantised weights are from those that were given, on the tokens of a request that has finished.
   */
  async update(
    weights: Weights | WeightsSource,
    version: number,
    mode: UpdateMode,
  ): Promise<QuantizationMismatch | undefined> {
    if (this.#isStopped) throw new EngineStoppedError();
    const source = typeof weights === 'function' ? weights : async () => lendWeights(weights);
    return this.#updates.add(source, version, mode);
  }

  /** Fails what is unfinished with {@link EngineStoppedError}, waits for the run in progress, closes the session. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isStopped) return this.#loop;
    this.#isStopped = true;
    const stopped = new EngineStoppedError();
    const { running, waiting } = this.#stepper;
    for (const { group } of [...running, ...waiting]) this.#stepper.fail(group, stopped);
    this.#loop = this.#close(this.#loop, stopped);
    await this.#loop;
  }

  async #close(loop: Promise<void>, reason: EngineStoppedError): Promise<void> {
    await Promise.all([loop, this.#updates.stop(reason)]);
    await this.#runner[Symbol.asyncDispose]();
  }

  /** How long it has worked so far, in ms; the rest of the time there was nothing to do. */
  get busyMs(): number {
    return this.#busyMs;
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
      const startedMs = performance.now();
      await this.#step();
      this.#busyMs += performance.now() - startedMs;
    } while (this.#stepper.running.length + this.numWaiting > 0 || this.#updates.ready);
    this.#isActive = false;
  }

  async #step(): Promise<void> {
    await this.#stepper.release();
    await this.#applyUpdate();
    if (!this.#updates.ready) await this.#stepper.prefill();
    await this.#stepper.decode();
  }

  /** Leaves an update that waits for running sequences: none is admitted until it is through. */
  async #applyUpdate(): Promise<void> {
    const update = this.#updates.ready;
    if (!update) return;
    if (update.mode === 'abort') await this.#stepper.abortRunning();
    if (this.#updates.ready !== update) return; // the engine was stopped meanwhile
    if (update.mode === 'drain' && this.#stepper.running.length > 0) return;
    if (update.mode === 'recompute') await this.#stepper.preemptRunning();
    this.#stepper.setWeights(update.weights, update.version);
    this.#updates.markApplied();
  }
}
