import type { Clock } from '@forge/monarch';
import { NoHealthyReplicaError } from '../errors.ts';
import type { Replica } from '../replicas/replica.ts';
import type { CallQueue } from './call-queue.ts';
import type { Call } from './plan.ts';

/** Calls that came one after the other give up in groups, this part of the wait late at most: a look at them is not free. */
const LATE_PART = 0.01;

/** What an outage needs of its service. */
export interface OutageOptions {
  readonly service: string;
  readonly clock: Clock;
  readonly replicas: readonly Replica[];
  /** Some replica may take requests again. */
  readonly hasHope: () => boolean;
  readonly queue: CallQueue<Replica>;
  /** How long a call waits while no replica takes any. */
  readonly waitMs: number;
  /** Answers a call of the queue. */
  readonly refuse: (call: Call, error: Error) => void;
}

/** A time without a replica that takes requests: calls wait for its end, though not for ever. */
export class Outage {
  readonly #options: OutageOptions;
  #sinceMs: number | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  /** No replica takes requests, or another has changed, or another call has come. */
  goOn(): void {
    const { clock, queue, hasHope, waitMs } = this.#options;
    this.#sinceMs ??= clock.now();
    if (!hasHope()) {
      this.end();
      this.#refuseUntil(Number.POSITIVE_INFINITY, 0);
    } else if (!this.#cancelTimer && queue.firstUnrouted) {
      const dueAtMs = Math.max(toMs(queue.firstUnrouted.arrivedAtMs), this.#sinceMs) + waitMs;
      this.#cancelTimer = clock.after(Math.max(dueAtMs - clock.now(), waitMs * LATE_PART), () => this.#due());
    }
  }

  /** There is a replica again, or the service has ended. */
  end(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#sinceMs = undefined;
  }

  #due(): void {
    const { clock, waitMs } = this.#options;
    this.#cancelTimer = undefined;
    if (this.#sinceMs === undefined || this.#sinceMs + waitMs > clock.now()) return;
    this.#refuseUntil(clock.now() - waitMs, waitMs);
    this.goOn();
  }

  /** Refuses the calls that arrived until then. */
  #refuseUntil(arrivedAtMs: number, waitedMs: number): void {
    const { service, replicas, queue, refuse } = this.#options;
    const cause = replicas.find((replica) => replica.cause !== undefined)?.cause;
    for (
      let first = queue.firstUnrouted;
      first && toMs(first.arrivedAtMs) <= arrivedAtMs;
      first = queue.firstUnrouted
    ) {
      const call = queue.takeUnrouted();
      const states = replicas.map(({ state }) => state);
      if (call) refuse(call, new NoHealthyReplicaError(service, { waitedMs, states, cause }));
    }
  }
}

/** Calls of one moment arrive fractions of a millisecond after each other. */
function toMs(arrivedAtMs: number): number {
  return Math.floor(arrivedAtMs);
}
