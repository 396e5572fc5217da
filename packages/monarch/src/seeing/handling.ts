import type { IncomingCall } from '../process/incoming-call.ts';
import type { Letter } from '../process/mailbox.ts';
import type { ActorCounters, EndpointCounters } from './actor-counters.ts';
import { type CallEvent, CHANNELS } from './channels.ts';
import { beginServerSpan, isTracing, type OpenSpan } from './spans.ts';

const starts = CHANNELS['monarch:call:start'];
const ends = CHANNELS['monarch:call:end'];

/** One message to an actor, as it is counted and published, from its arrival to its end. */
export class Handling implements Letter {
  readonly #actor: ActorCounters;
  readonly #counters: EndpointCounters;
  readonly call: IncomingCall;
  readonly #arrivedMs: number;
  #span: OpenSpan | undefined;
  #thrown: { readonly error: unknown } | undefined;

  constructor(actor: ActorCounters, counters: EndpointCounters, call: IncomingCall) {
    this.#actor = actor;
    this.#counters = counters;
    this.call = call;
    this.#arrivedMs = actor.process.clock.now();
  }

  get byteLength(): number {
    return this.call.byteLength;
  }

  /** The mailbox was full. */
  refused(error: Error): void {
    this.#actor.started();
    this.threw(error);
    this.ended();
  }

  /** It left the mailbox. */
  started(): void {
    this.#actor.started();
    if (starts.hasSubscribers) starts.publish(this.#event());
  }

  /** Runs the endpoint, within the span of the message. */
  run<T>(task: () => T): T {
    if (!isTracing()) return task();
    const { id, endpoint, carrier } = this.call;
    const waitedMs = this.#actor.process.clock.now() - this.#arrivedMs;
    this.#span = beginServerSpan(this.#actor.who, endpoint, { carrier, isBroadcast: id === undefined, waitedMs });
    return this.#span === undefined ? task() : this.#span.run(task);
  }

  /** The endpoint threw. */
  threw(error: unknown): void {
    this.#thrown = { error };
    this.#counters.errors++;
    this.#actor.threw(this.call.endpoint, error);
  }

  /** It is handled, or was given up. */
  ended(): void {
    const counters = this.#counters;
    const durationMs = this.#actor.process.clock.now() - this.#arrivedMs;
    counters.ended++;
    counters.totalMs += durationMs;
    if (durationMs > counters.maxMs) counters.maxMs = durationMs;
    counters.latency.record(durationMs);
    this.#span?.end(this.#thrown?.error);
    if (ends.hasSubscribers) ends.publish({ ...this.#event(), durationMs, ...this.#thrown });
  }

  #event(): CallEvent {
    const { endpoint, id, streams, line } = this.call;
    const kind = id === undefined ? 'broadcast' : streams ? 'stream' : 'call';
    return { ...this.#actor.who, endpoint, kind, from: line.peer.id };
  }
}
