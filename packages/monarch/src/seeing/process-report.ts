import type { ProcessExit } from '../errors.ts';
import type { Board } from './boards.ts';
import type { FailureEvent } from './channels.ts';
import type { Buckets } from './latency-histogram.ts';

/** What a process uses of its machine. */
export interface ProcessUsage {
  readonly pid: number;
  readonly hostname: string;
  readonly uptimeMs: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** Time of all its threads, since it started. */
  readonly cpuMs: number;
  /** Time that its event loop was busy, since it started. */
  readonly busyMs: number;
}

/** What an endpoint threw last. */
export interface LastError {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly endpoint: string;
  readonly text: string;
}

/** One endpoint of one actor. */
export interface EndpointReport {
  readonly name: string;
  readonly calls: number;
  readonly errors: number;
  /** In the mailbox, or being handled. */
  readonly inFlight: number;
  readonly totalMs: number;
  readonly maxMs: number;
  readonly buckets: Buckets;
}

/** How an actor is. */
export type ActorState = 'constructed' | 'setting up' | 'running' | 'stopping' | 'failed';

/** One actor. */
export interface ActorReport {
  /** Its number in its process. */
  readonly actor: number;
  readonly mesh: string;
  readonly rank: number;
  readonly className: string;
  readonly state: ActorState;
  readonly mailboxLength: number;
  readonly mailboxHighWater: number;
  readonly lastError?: LastError;
  /** Why it has failed, or stops. */
  readonly failure?: string;
  readonly endpoints: readonly EndpointReport[];
}

/** What went between a process and another: messages, and the bytes of their arguments and results. */
export interface PeerReport {
  readonly id: string;
  readonly sentMessages: number;
  readonly sentBytes: number;
  readonly receivedMessages: number;
  readonly receivedBytes: number;
}

/** How a process is, as the one that started it knows. Silent: it did not answer in time. */
export type ProcessState = 'starting' | 'running' | 'silent' | 'ended';

/** A process that another started. */
export interface ChildReport {
  readonly id: string;
  readonly name: string;
  /** 0 as long as it is not known. */
  readonly pid: number;
  readonly state: ProcessState;
  /** What it told of itself; of a silent one the last that it told. */
  readonly report?: ProcessReport;
  readonly exit?: ProcessExit;
  /** Why its machine cannot be reached. */
  readonly problem?: string;
}

/** What a process tells of itself, and of those that it started. */
export interface ProcessReport {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly asOf: number;
  readonly usage: ProcessUsage;
  readonly actors: readonly ActorReport[];
  readonly peers: readonly PeerReport[];
  /** The last failures, oldest first. */
  readonly failures: readonly FailureEvent[];
  /** All failures so far. */
  readonly failureCount: number;
  /** What libraries show of themselves. */
  readonly boards: readonly Board[];
  readonly processes: readonly ChildReport[];
}
