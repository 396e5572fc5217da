import { CallAbortedError, CallTimeoutError, type Clock } from '@forge/monarch';
import type { AbortWatch } from './abort-watch.ts';
import type { Plan } from './plan.ts';

/** Where a call waits. */
export interface WaitingPlace {
  /** The limit of one of its calls is over: it is to be dropped. */
  bury(): void;
}

/** What a limit needs to know of the call that waits. */
export interface WaitLimitOptions {
  readonly service: string;
  readonly clock: Clock;
  readonly aborts: AbortWatch;
  readonly arrivedAtMs: number;
  /** Called once, with what the call rejects with. */
  readonly over: (error: Error) => void;
}

/** Ends the wait of a call at the deadline of its plan or when its signal aborts, whichever comes first. */
export class WaitLimit {
  readonly #plan: Plan;
  readonly #options: WaitLimitOptions;
  /** Where the call waits. */
  place: WaitingPlace | undefined;
  #isOver = false;
  readonly #cancelTimer: (() => void) | undefined;
  readonly #stopWatch: (() => void) | undefined;

  constructor(plan: Plan, options: WaitLimitOptions) {
    const { timeoutMs, signal } = plan;
    this.#plan = plan;
    this.#options = options;
    if (timeoutMs !== undefined) {
      this.#cancelTimer = options.clock.after(Math.max(0, this.#restMs(timeoutMs)), () => this.#giveUp(this.#late()));
    }
    if (signal) this.#stopWatch = options.aborts.add(signal, () => this.#giveUp(this.#aborted(signal.reason)));
  }

  /** It ended the wait: whoever still holds the call drops it. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The call does not wait any more. */
  cancel(): void {
    this.#cancelTimer?.();
    this.#stopWatch?.();
  }

  /** A replica takes the call: what is left of the deadline, if there is one. @throws {CallTimeoutError} when nothing is. */
  end(): number | undefined {
    this.cancel();
    const { timeoutMs } = this.#plan;
    const restMs = timeoutMs === undefined ? undefined : this.#restMs(timeoutMs);
    // Its timer may be late.
    if (restMs !== undefined && restMs <= 0) throw this.#late();
    return restMs;
  }

  #aborted(reason: unknown): Error {
    return new CallAbortedError(this.#options.service, this.#plan.endpoint, reason);
  }

  #restMs(timeoutMs: number): number {
    const { clock, arrivedAtMs } = this.#options;
    // Calls of one moment arrive fractions of a millisecond after each other, and so after now.
    return timeoutMs - Math.max(0, clock.now() - arrivedAtMs);
  }

  #late(): Error {
    const { endpoint, timeoutMs = 0 } = this.#plan;
    return new CallTimeoutError(this.#options.service, endpoint, timeoutMs);
  }

  #giveUp(error: Error): void {
    this.cancel();
    this.#isOver = true;
    this.place?.bury();
    this.#options.over(error);
  }
}
