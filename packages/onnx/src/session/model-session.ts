import type { Tensor } from '@forge/tensor';
import { SessionDisposedError } from './errors.ts';
import { type BoundTensor, checkMemories, type ModelSignature, type RunPlan } from './plan-run.ts';
import type { BoundRun, Fetches, RunOptions, Runtime, SharedFeeds, TensorSignature } from './session.ts';
import { SharedFeedSet, type SharedTensors } from './shared-feed-set.ts';

/** The tensors of a run in the form that a runtime takes, until they are disposed. */
export interface BoundTensors extends Disposable {
  /** Settles when no tensor of the run is in use any more; rejects with the signal's reason when it was cut short. */
  run(options: RunOptions): Promise<Record<string, Tensor>>;
  /** Runs here and now, into tensors that were all given; only where the runtime can. */
  readonly runBlocking?: () => void;
}

/** What a runtime does for a session; it is called with checked arguments only, and never after `close`. */
export interface Engine<Shared extends SharedTensors = SharedTensors> {
  readonly runtime: Runtime;
  readonly signature: ModelSignature;
  share(feeds: readonly BoundTensor[]): Shared;
  /** Lives no longer than what is `shared`. */
  bind(plan: RunPlan, shared?: Shared): BoundTensors;
  /** Frees the model; no run is under way, and nothing is bound. */
  close(): Promise<void>;
}

/** The session over an engine: checks arguments, counts runs, closes the engine after the last of them. */
export class ModelSession<Shared extends SharedTensors = SharedTensors> {
  readonly runtime: Runtime;
  readonly inputs: readonly TensorSignature[];
  readonly outputs: readonly TensorSignature[];
  readonly #engine: Engine<Shared>;
  readonly #onClosed: () => Promise<void>;
  readonly #running = new Set<Promise<unknown>>();
  readonly #bound = new Set<BoundTensors>();
  readonly #shared = new Set<SharedFeeds>();
  /** Those that were disposed as well. */
  readonly #sharedHere = new WeakSet<SharedFeeds>();
  #disposal: Promise<void> | undefined;

  constructor(engine: Engine<Shared>, onClosed: () => Promise<void>) {
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

  shareFeeds(feeds: Readonly<Record<string, Tensor>>): SharedFeeds {
    this.#throwIfDisposed();
    const { signature } = this.#engine;
    const tensors = this.#engine.share(signature.planFeeds(feeds));
    const shared = new SharedFeedSet(signature, tensors, () => this.#shared.delete(shared));
    this.#shared.add(shared);
    this.#sharedHere.add(shared);
    return shared;
  }

  bind(
    feeds: Readonly<Record<string, Tensor>>,
    fetches: Readonly<Record<string, Tensor>>,
    given?: SharedFeeds,
  ): BoundRun {
    this.#throwIfDisposed();
    const shared = given && this.#own(given);
    shared?.check();
    const { signature } = this.#engine;
    const plan = signature.plan(feeds, fetches, shared?.tensors.feeds);
    const tensors = this.#engine.bind(plan, shared?.tensors);
    this.#bound.add(tensors);
    let running: Promise<unknown> | undefined;
    const release = (): void => {
      if (this.#bound.delete(tensors)) tensors[Symbol.dispose]();
    };
    const check = (): void => {
      if (!this.#bound.has(tensors)) throw new SessionDisposedError();
      if (running !== undefined)
        throw new TypeError('A bound run is still under way. Wait for it, or bind other tensors.');
      checkMemories('feed', signature.inputs, plan.feeds);
      checkMemories('fetch', signature.outputs, plan.fetches);
      shared?.check();
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
        shared?.begin();
        running = this.#track(tensors.run(options));
        try {
          await running;
        } finally {
          running = undefined;
          shared?.end();
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

  #own(shared: SharedFeeds): SharedFeedSet<Shared> {
    // Those that were made here are all of this kind.
    if (this.#sharedHere.has(shared)) return shared as SharedFeedSet<Shared>;
    throw new TypeError('These feeds were shared by another session. Share them by the one that runs.');
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
    for (const shared of this.#shared) shared[Symbol.dispose]();
    await this.#engine.close();
    await this.#onClosed();
  }
}
