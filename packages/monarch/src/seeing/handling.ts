import type { IncomingCall } from '../process/incoming-call.ts';
import type { Letter } from '../process/mailbox.ts';
import type { Served } from '../process/served.ts';
import type { ActorCounters } from './actor-counters.ts';
import { type CallEvent, CHANNELS } from './channels.ts';
import { beginServerSpan, isTracing, type OpenSpan } from './spans.ts';

const starts = CHANNELS['monarch:call:start'];
const ends = CHANNELS['monarch:call:end'];

/** One message to an actor, as it is counted and published, from its arrival to its end. */
export class Handling implements Letter {
  readonly call: IncomingCall;
  /** The endpoint that it is for. */
  readonly served: Served;
  readonly #actor: ActorCounters;
  readonly #arrivedMs: number;
  #span: OpenSpan | undefined;
  #thrown: { readonly error: unknown } | undefined;

  constructor(call: IncomingCall, served: Served, actor: ActorCounters) {
    this.call = call;
    this.served = served;
    this.#actor = actor;
    this.#arrivedMs = actor.process.clock.now();
    served.counters.calls++;
    actor.arrived();
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

  /** Begins the span within which the endpoint runs; `undefined` when nobody traces. */
  beginSpan(): OpenSpan | undefined {
    if (!isTracing()) return undefined;
    const { id, endpoint, carrier } = this.call;
    const waitedMs = this.#actor.process.clock.now() - this.#arrivedMs;
    this.#span = beginServerSpan(this.#actor.who, endpoint, { carrier, isBroadcast: id === undefined, waitedMs });
    return this.#span;
  }

  /** The endpoint threw. */
  threw(error: unknown): void {
    this.#thrown = { error };
    this.served.counters.errors++;
    this.#actor.threw(this.call.endpoint, error);
  }

  /** It is handled, or was given up. */
  ended(): void {
    const { counters } = this.served;
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
