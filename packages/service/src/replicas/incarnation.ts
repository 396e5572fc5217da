import type { CallOptions, EndpointCard } from '@forge/monarch';

/** The actors of a replica between its start and its loss. */
export interface Incarnation {
  /** What its actors can be asked, by name. */
  readonly endpoints: ReadonlyMap<string, EndpointCard>;
  /** Calls an endpoint on every rank; the first rank's result. Keeps to the limits of `options`. */
  call(endpoint: string, args: readonly unknown[], options?: CallOptions): Promise<unknown>;
  /** Opens a stream endpoint on every rank; the first rank's items. */
  stream(endpoint: string, args: readonly unknown[], options?: CallOptions): AsyncIterable<unknown>;
  /** Brings its actors up to date before their first request; what they miss meanwhile is sent to them afterwards. */
  catchUp(): Promise<void>;
  /** Asks its actors whether they are well. @default nobody asks */
  readonly check?: (() => unknown) | undefined;
  /** Ends its processes. */
  stop(): Promise<void>;
}

/** What a start is given by its replica. */
export interface Starting {
  /** How often the replica was started before. */
  readonly restarts: number;
  /** The start is not wanted any more. */
  readonly signal: AbortSignal;
  /** To be called, at any time after, when the processes fail. */
  lost(cause: unknown): void;
}

/** What a replica is made from, as often as it is started. */
export interface ReplicaSource {
  /** Where it is or was last: the rank of its machine among the hosts. */
  readonly host: number | undefined;
  /** Starts its processes and actors; rejects, with nothing left, when it is aborted. */
  start(starting: Starting): Promise<Incarnation>;
  /** The replica has ended: gives back what was kept for it. */
  release(): void;
}

/** A request that a replica has taken. */
export interface Admission {
  readonly incarnation: Incarnation;
  /** It decides whether the replica takes more. */
  readonly isProbe: boolean;
}
