import type { Tensor } from '@forge/tensor';
import { SessionDisposedError } from './errors.ts';
import { type BoundTensor, checkMemories, type ModelSignature } from './plan-run.ts';
import type { SharedFeeds } from './session.ts';

/** Tensors that many runs are fed, in the form that a runtime takes, until they are disposed. */
export interface SharedTensors extends Disposable {
  readonly feeds: readonly BoundTensor[];
  /** Takes others; no run is under way. */
  exchange(feeds: readonly BoundTensor[]): void;
}

/** Shared feeds of one session: checks them, and counts the runs that read them. */
export class SharedFeedSet<Shared extends SharedTensors> implements SharedFeeds {
  readonly tensors: Shared;
  readonly #signature: ModelSignature;
  readonly #onReleased: () => void;
  #numRunning = 0;
  #isDisposed = false;

  constructor(signature: ModelSignature, tensors: Shared, onReleased: () => void) {
    this.#signature = signature;
    this.tensors = tensors;
    this.#onReleased = onReleased;
  }

  exchange(feeds: Readonly<Record<string, Tensor>>): void {
    if (this.#isDisposed) throw new SessionDisposedError();
    if (this.#numRunning > 0) throw new TypeError('A run with these feeds is still under way. Wait for it.');
    this.tensors.exchange(this.#signature.planExchange(this.tensors.feeds, feeds));
  }

  /** @throws what a run of them would end with. */
  check(): void {
    if (this.#isDisposed) throw new SessionDisposedError();
    checkMemories('feed', this.#signature.inputs, this.tensors.feeds);
  }

  /** Keeps the tensors until `end` was called as often as this. */
  begin(): void {
    this.#numRunning += 1;
  }

  end(): void {
    this.#numRunning -= 1;
    this.#release();
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#release();
  }

  #release(): void {
    if (!this.#isDisposed || this.#numRunning > 0) return;
    this.tensors[Symbol.dispose]();
    this.#onReleased();
  }
}
