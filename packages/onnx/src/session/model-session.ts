import type { Tensor } from '@forge/tensor';
import { SessionDisposedError } from './errors.ts';
import type { ModelSignature, RunPlan } from './plan-run.ts';
import type { Fetches, RunOptions, Runtime, Session, TensorSignature } from './session.ts';

/** What a runtime does for a session; it is called with checked arguments only, and never after `close`. */
export interface Engine {
  readonly runtime: Runtime;
  readonly signature: ModelSignature;
  /** Settles when no tensor of the run is in use any more; rejects with the signal's reason when it was cut short. */
  execute(plan: RunPlan, signal: AbortSignal | undefined): Promise<Record<string, Tensor>>;
  /** Frees the model; no run is under way. */
  close(): Promise<void>;
}

/** The session over an engine: checks arguments, counts runs, closes the engine after the last of them. */
export class ModelSession implements Session {
  readonly runtime: Runtime;
  readonly inputs: readonly TensorSignature[];
  readonly outputs: readonly TensorSignature[];
  readonly #engine: Engine;
  readonly #onClosed: () => Promise<void>;
  readonly #running = new Set<Promise<unknown>>();
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
    { signal }: RunOptions = {},
  ): Promise<Record<string, Tensor>> {
    if (this.#disposal !== undefined) throw new SessionDisposedError();
    signal?.throwIfAborted();
    const running = this.#engine.execute(this.#engine.signature.plan(feeds, fetches), signal);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #dispose(): Promise<void> {
    await Promise.allSettled(this.#running);
    await this.#engine.close();
    await this.#onClosed();
  }
}
