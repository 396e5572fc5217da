import { reasonText } from '../errors.ts';
import type { LocalProcess } from '../process/local-process.ts';
import type { ActorEvent } from './channels.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import type { ActorReport, EndpointReport, LastError } from './process-report.ts';

/** What one endpoint of one actor has handled. */
export class EndpointCounters {
  /** Messages that arrived. */
  calls = 0;
  /** Of these, those handled to their end. */
  ended = 0;
  /** Of these, those that threw. */
  errors = 0;
  totalMs = 0;
  maxMs = 0;
  /** From arrival to end, time in the mailbox included. */
  readonly latency = new LatencyHistogram();

  report(name: string): EndpointReport {
    const { calls, ended, errors, totalMs, maxMs, latency } = this;
    return { name, calls, errors, inFlight: calls - ended, totalMs, maxMs, buckets: latency.buckets };
  }
}

/** What one actor has handled; made with its first message, so that idle actors cost nothing. */
export class ActorCounters {
  readonly process: LocalProcess;
  readonly #actor: { readonly event: ActorEvent };
  #lastError: LastError | undefined;
  /** Messages in the mailbox. */
  #waiting = 0;
  /** Most messages that were ever in the mailbox. */
  #highWater = 0;

  constructor(process: LocalProcess, actor: { readonly event: ActorEvent }) {
    this.process = process;
    this.#actor = actor;
  }

  get who(): ActorEvent {
    return this.#actor.event;
  }

  /** A message came. */
  arrived(): void {
    if (++this.#waiting > this.#highWater) this.#highWater = this.#waiting;
  }

  /** A message left the mailbox. */
  started(): void {
    this.#waiting--;
  }

  /** An endpoint threw. */
  threw(endpoint: string, error: unknown): void {
    this.#lastError = { time: this.process.platform.date(), endpoint, text: reasonText(error) };
  }

  report(): Pick<ActorReport, 'mailboxLength' | 'mailboxHighWater' | 'lastError'> {
    const lastError = this.#lastError === undefined ? {} : { lastError: this.#lastError };
    return { mailboxLength: this.#waiting, mailboxHighWater: this.#highWater, ...lastError };
  }
}
