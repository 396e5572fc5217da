import type { Endpoint, StreamEndpoint } from '@forge/monarch';
import type { ServiceEvent } from './events.ts';
import type { RollingUpdateOptions } from './replicas/rolling-update.ts';
import type { FanoutOutcome } from './routing/fanout-error.ts';
import type { RouteOptions, SessionRouteOptions } from './routing/route-options.ts';
import type { SessionOptions } from './routing/session.ts';
import type { ServiceMetrics, ServiceState } from './snapshot.ts';

/** The ways to call an endpoint of a session. */
export interface SessionEndpoint<Args extends readonly unknown[], Result> {
  /** Calls the replica of the session. */
  route(...args: Args): Promise<Result>;
  /** The same endpoint, called with options. */
  with(options: SessionRouteOptions): SessionEndpoint<Args, Result>;
}

/** A stream endpoint of a service or a session. */
export interface ServiceStream<Args extends readonly unknown[], Item, Options> {
  /**
   * The items of one replica. Starts when iterated; the stream is in flight until its end, and leaving the loop ends it
   * at the replica, too. Of a replica of several processes those of rank 0.
   */
  route(...args: Args): AsyncIterable<Item>;
  /** The same stream, opened with options; the deadline is that of the whole stream. */
  with(options: Options): ServiceStream<Args, Item, Options>;
}

/** The ways to call an endpoint of a service. Arguments are read when a replica takes the request, not before. */
export interface ServiceEndpoint<Args extends readonly unknown[], Result> {
  /**
   * Calls one replica: the one of the session this code runs in, else the one that the router says. A replica of
   * several processes calls all of them and answers with the result of rank 0.
   *
   * @throws {ActorError} what the endpoint threw; the replica stays in service.
   * @throws {BackPressureError} when the queue is full.
   * @throws {ReplicaFailedError} when the replica was lost and the call may not be repeated.
   * @throws {NoHealthyReplicaError} when no replica became healthy in time.
   * @throws {SessionClosedError | SessionExpiredError | SessionLostError} when the session takes no more calls.
   */
  route(...args: Args): Promise<Result>;
  /**
   * Calls every healthy replica at once, past the queue; the results in order of replicas. A replica that is starting
   * gets the call before its first request, and adds no result.
   *
   * @throws {FanoutError} when any of them failed, after all have answered.
   */
  fanout(...args: Args): Promise<readonly Result[]>;
  /** As `fanout`, but what failed is an outcome among the others. */
  fanoutSettled(...args: Args): Promise<readonly FanoutOutcome<Result>[]>;
  /** The same endpoint, called with options. */
  with(options: RouteOptions): ServiceEndpoint<Args, Result>;
}

type EndpointKeys<T> = {
  [K in keyof T]: T[K] extends Endpoint<never, unknown> | StreamEndpoint<never, unknown> ? K : never;
}[keyof T];

type Routed<T> = {
  readonly [K in Exclude<EndpointKeys<T>, keyof ServiceControls<T>>]: T[K] extends StreamEndpoint<
    infer Args,
    infer Item
  >
    ? ServiceStream<Args, Item, RouteOptions>
    : T[K] extends Endpoint<infer Args, infer Result>
      ? ServiceEndpoint<Args, Result>
      : never;
};

type Stuck<T> = {
  readonly [K in Exclude<EndpointKeys<T>, keyof SessionControls>]: T[K] extends StreamEndpoint<infer Args, infer Item>
    ? ServiceStream<Args, Item, SessionRouteOptions>
    : T[K] extends Endpoint<infer Args, infer Result>
      ? SessionEndpoint<Args, Result>
      : never;
};

/** What a session can do beside calling endpoints. */
export interface SessionControls extends AsyncDisposable {
  readonly id: string;
  /** The replica it sticks to; `undefined` before its first request. */
  readonly replica: number | undefined;
  /** Times that its replica was lost and it went on with fresh actors, which know nothing of it; see `whenLost`. */
  readonly moves: number;
  /** Ends it: its replica is free of it. Requests under way go on. */
  close(): Promise<void>;
}

/** Calls that go to one replica as long as it lives. */
export type Session<T> = Stuck<T> & SessionControls;

/** What a service can do beside calling endpoints. */
export interface ServiceControls<T, Args extends readonly unknown[] = readonly unknown[]>
  extends ReplicaControls<Args>,
    AsyncDisposable {
  readonly name: string;
  /** Opens a session, which sticks to a replica from its first request on. */
  session(options?: SessionOptions): Promise<Session<T>>;
  /** Runs `scope` in a session: whatever it calls on this service, at any depth, goes to one replica. */
  session<R>(scope: (session: Session<T>) => R | Promise<R>, options?: SessionOptions): Promise<R>;
  /** Counts, rates and latencies up to now. */
  metrics(): ServiceMetrics;
  /** What every replica is doing now. */
  state(): ServiceState;
  /**
   * Turns away what waits, lets what runs end for up to `graceMs`, then ends every process. Once; later calls wait
   * for the first.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

/** Changes of the replicas of a running service. What waits or is asked meanwhile is served by those that there are. */
export interface ReplicaControls<Args extends readonly unknown[]> {
  /**
   * What happens to the service, from this call to its end. A reader that leaves more than 10,000 events unread loses
   * the oldest.
   */
  events(): AsyncIterableIterator<ServiceEvent, undefined>;
  /**
   * Starts or drains replicas until there are so many; resolves when those are healthy or ended.
   *
   * @throws {ReplicaStartError} when one did not start at once; it is tried again as a lost one is.
   */
  scale(numReplicas: number, options?: DrainOptions): Promise<void>;
  /**
   * Takes a replica out of service: no new requests and sessions; when those that it has are done, it ends.
   *
   * @throws {ServiceOptionsError} when there is no such replica, or no other.
   */
  drain(replica: number, options?: DrainOptions): Promise<void>;
  /**
   * Replaces all replicas, one after the other, by fresh ones: with other arguments, another environment, or the class
   * as its file is now. It ends at the first replacement that does not start; replicas not replaced by then stay.
   *
   * @throws {RollingUpdateError} when it ended so.
   */
  rollingUpdate(options?: UpdateOptions<Args>): Promise<void>;
}

/** How a replica ends. */
export interface DrainOptions {
  /** Time for its requests and sessions; requests that take longer are lost with it. @default 20_000 */
  readonly graceMs?: number;
}

/** What replicas are replaced by, and how. */
export interface UpdateOptions<Args extends readonly unknown[]> extends RollingUpdateOptions {
  /** For the constructors of the actors. @default those that the service was started with */
  readonly args?: Args;
  /** Additions to the environment of the processes. @default those that the service was started with */
  readonly env?: Readonly<Record<string, string>>;
}

/** How a service ends. */
export interface ShutdownOptions {
  /** Time for requests under way; after it they reject with ServiceStoppedError. @default 5_000 */
  readonly graceMs?: number;
}

/** Replicas of an actor behind one handle. It stays in the process that started it. */
export type Service<T, Args extends readonly unknown[] = readonly unknown[]> = Routed<T> & ServiceControls<T, Args>;
