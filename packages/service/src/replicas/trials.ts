import type { Clock } from '@forge/monarch';
import { checkHealth, type HealthCheckPolicy } from './health-check.ts';
import type { Incarnation } from './incarnation.ts';
import type { MissedCalls } from './missed-calls.ts';

/** What trials need. */
export interface TrialOptions {
  readonly clock: Clock;
  readonly checks: HealthCheckPolicy | undefined;
  /** Of the replica, for messages. */
  readonly name: string;
  /** Told the outcome of each: `undefined`, or why it failed. */
  told(failure: Error | undefined): void;
}

/** Nothing else than a request tells whether actors are well again. */
export function isTriedByRequest(incarnation: Incarnation, missed: MissedCalls): boolean {
  return incarnation.check === undefined && missed.isEmpty;
}

/** Finds out how the actors of a replica are: now and then, or at once when it is to be tried. */
export class Trials {
  readonly #options: TrialOptions;
  #stop = () => {};

  constructor(options: TrialOptions) {
    this.#options = options;
  }

  /** Asks now and then, if anybody wants to know. */
  watch({ check }: Incarnation): void {
    if (check) this.#ask(check, false);
  }

  /** Tries them with what they missed and with a check; where there is neither, the next request does. */
  probe(incarnation: Incarnation, missed: MissedCalls): void {
    this.stop();
    if (isTriedByRequest(incarnation, missed)) return;
    const ask = async () => {
      await missed.send(incarnation);
      await incarnation.check?.();
    };
    this.#ask(ask, true);
  }

  stop(): void {
    this.#stop();
    this.#stop = () => {};
  }

  #ask(ask: () => unknown, isUrgent: boolean): void {
    const { checks, ...options } = this.#options;
    this.#stop = checkHealth({ ...checks, ...options, ask }, isUrgent);
  }
}
