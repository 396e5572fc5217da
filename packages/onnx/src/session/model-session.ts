import type { Tensor } from '@forge/tensor';
import { SessionDisposedError } from './errors.ts';
import { checkMemories, type ModelSignature, type RunPlan } from './plan-run.ts';
import type { BoundRun, Fetches, RunOptions, Runtime, TensorSignature } from './session.ts';

/** The tensors of a run in the form that a runtime takes, until they are disposed. */
export interface BoundTensors extends Disposable {
  /** Settles when no tensor of the run is in use any more; rejects with the signal's reason when it was cut short. */
  run(options: RunOptions): Promise<Record<string, Tensor>>;
  /** Runs here and now, into tensors that were all given; only where the runtime can. */
  readonly runBlocking?: () => void;
}

/** What a runtime does for a session; it is called with checked arguments only, and never after `close`. */
export interface Engine {
  readonly runtime: Runtime;
  readonly signature: ModelSignature;
  bind(plan: RunPlan): BoundTensors;
  /** Frees the model; no run is under way, and nothing is bound. */
  close(): Promise<void>;
}

/** The session over an engine: checks arguments, counts runs, closes the engine after the last of them. */
export class ModelSession {
  readonly runtime: Runtime;
  readonly inputs: readonly TensorSignature[];
  readonly outputs: readonly TensorSignature[];
  readonly #engine: Engine;
  readonly #onClosed: () => Promise<void>;
  readonly #running = new Set<Promise<unknown>>();
  readonly #bound = new Set<BoundTensors>();
  #disposal: Promise<void> | undefined;

  constructor(engine: Engine, onClosed: () => Promise<void>) {
    this.#engine = engine;
    this.#onClosed = onClosed;
    this.runtime = engine.runtime;
    this.inputs = engine.signature.inputs;
    this.outputs = engine.signature.outputs;
  }

  async run(
    feeds: Readonly<Record<string, Tensor>>,
    fetches?: Fetches,
    options: RunOptions = {},
  ): Promise<Record<string, Tensor>> {
    this.#throwIfDisposed();
    options.signal?.throwIfAborted();
    using tensors = this.#engine.bind(this.#engine.signature.plan(feeds, fetches));
    return await this.#track(tensors.run(options));
  }

  bind(feeds: Readonly<Record<string, Tensor>>, fetches: Readonly<Record<string, Tensor>>): BoundRun {
    this.#throwIfDisposed();
    const plan = this.#engine.signature.plan(feeds, fetches);
    const tensors = this.#engine.bind(plan);
    this.#bound.add(tensors);
    let running: Promise<unknown> | undefined;
    const release = (): void => {
      if (this.#bound.delete(tensors)) tensors[Symbol.dispose]();
    };
    const check = (): void => {
      if (!this.#bound.has(tensors)) throw new SessionDisposedError();
      if (running !== undefined)
        throw new TypeError('A bound run is still under way. Wait for it, or bind other tensors.');
      checkMemories(this.#engine.signature, plan);
    };
    const { runBlocking } = tensors;
    return {
      runBlocking:
        runBlocking &&
        (() => {
          check();
          runBlocking();
        }),
      run: async (options: RunOptions = {}): Promise<void> => {
        check();
        options.signal?.throwIfAborted();
        running = this.#track(tensors.run(options));
        try {
          await running;
        } finally {
          running = undefined;
        }
      },
      [Symbol.dispose]: () => {
        if (running !== undefined) void running.then(release, release);
        else release();
      },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  #throwIfDisposed(): void {
    if (this.#disposal !== undefined) throw new SessionDisposedError();
  }

  async #track<Result>(running: Promise<Result>): Promise<Result> {
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  async #dispose(): Promise<void> {
    await Promise.allSettled(this.#running);
    for (const tensors of this.#bound) tensors[Symbol.dispose]();
    this.#bound.clear();
    await this.#engine.close();
    await this.#onClosed();
  }
}
