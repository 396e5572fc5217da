import type { Point } from '../mesh/extent.ts';
import { pathText, reasonText } from './error-text.ts';
import type { MeshFailure } from './mesh-failure.ts';

/** A mesh was asked for something that is no endpoint, or an endpoint was called without saying how. Nothing was sent. */
export class EndpointError extends TypeError {
  override readonly name = 'EndpointError';
  readonly code = 'ERR_MONARCH_ENDPOINT';
  readonly mesh: string;
  readonly endpoint: string;

  constructor(mesh: string, endpoint: string, problem: string) {
    super(`${mesh}.${endpoint} ${problem}`);
    this.mesh = mesh;
    this.endpoint = endpoint;
  }
}

/** No answer within the deadline of the call. The remote endpoint's `context.signal` is aborted. */
export class CallTimeoutError extends Error {
  override readonly name = 'TimeoutError';
  readonly code = 'ERR_MONARCH_TIMEOUT';
  readonly actor: string;
  readonly endpoint: string;
  readonly timeoutMs: number;

  constructor(actor: string, endpoint: string, timeoutMs: number) {
    super(`${actor}.${endpoint} did not answer within ${timeoutMs} ms. The call was cancelled.`);
    this.actor = actor;
    this.endpoint = endpoint;
    this.timeoutMs = timeoutMs;
  }
}

/** The caller's signal aborted the call; `cause` is the signal's reason. */
export class CallAbortedError extends Error {
  override readonly name = 'AbortError';
  readonly code = 'ERR_MONARCH_ABORTED';
  readonly actor: string;
  readonly endpoint: string;

  constructor(actor: string, endpoint: string, reason: unknown) {
    super(`The call of ${actor}.${endpoint} was cancelled: ${reasonText(reason)}`, { cause: reason });
    this.actor = actor;
    this.endpoint = endpoint;
  }
}

/** An endpoint, constructor or setup of a remote actor threw; `cause` is the original error with its remote stack. */
export class ActorError extends Error {
  override readonly name = 'ActorError';
  readonly code = 'ERR_MONARCH_ACTOR';
  /** Name of the mesh that the actor belongs to. */
  readonly actor: string;
  /** Place of the actor in that mesh. */
  readonly point: Point<string>;
  /** Name of the endpoint, or `constructor` or `setup`. */
  readonly endpoint: string;

  constructor(actor: string, point: Point<string>, endpoint: string, cause: unknown) {
    super(`${actor}/${point.rank}.${endpoint} failed: ${reasonText(cause)}`, { cause });
    this.actor = actor;
    this.point = point;
    this.endpoint = endpoint;
  }
}

/** An actor has as many messages waiting as its mailbox holds. The call was not accepted; others still are, later. */
export class OverflowError extends Error {
  override readonly name = 'OverflowError';
  readonly code = 'ERR_MONARCH_OVERFLOW';
  readonly actor: string;
  /** Messages that wait. */
  readonly messages: number;
  /** Bytes of their arguments. */
  readonly bytes: number;

  constructor(
    actor: string,
    { messages, bytes }: { readonly messages: number; readonly bytes: number },
    advice = 'Await answers before sending more, or give its class a larger `static readonly mailbox`.',
  ) {
    super(`${actor} takes no more messages: ${messages} of ${bytes} bytes wait. ${advice}`);
    this.actor = actor;
    this.messages = messages;
    this.bytes = bytes;
  }
}

/** A value was waited for in vain: the receiver is closed, or its deadline has passed. */
export class PortError extends Error {
  override readonly name = 'PortError';
  readonly code = 'ERR_MONARCH_PORT';
  readonly kind: 'closed' | 'timeout';

  constructor(kind: 'closed' | 'timeout', problem: string) {
    super(problem);
    this.kind = kind;
  }
}

/** An argument is not what the endpoint's schema allows. The endpoint did not run. */
export class ArgumentError extends TypeError {
  override readonly name = 'ArgumentError';
  readonly code = 'ERR_MONARCH_ARGUMENT';
  readonly actor: string;
  readonly endpoint: string;
  readonly issues: readonly ArgumentIssue[];

  constructor(actor: string, endpoint: string, issues: readonly ArgumentIssue[]) {
    const list = issues.map(({ path, message }) => `${pathText(path)}: ${message}`).join('; ');
    super(`${actor}.${endpoint} was called with wrong arguments. ${list}`);
    this.actor = actor;
    this.endpoint = endpoint;
    this.issues = issues;
  }
}

/** What is wrong with an argument. */
export interface ArgumentIssue {
  readonly message: string;
  /** The number of the argument, then keys into it. */
  readonly path: readonly (string | number)[];
}

/** An actor called itself in the lane that it holds: the call would wait for the endpoint that makes it. */
export class SelfCallError extends Error {
  override readonly name = 'SelfCallError';
  readonly code = 'ERR_MONARCH_SELF_CALL';
  readonly actor: string;
  readonly endpoint: string;

  constructor(actor: string, endpoint: string) {
    super(
      `${actor} called its own ${endpoint}, which could only start when the endpoint that makes the call has ended. ` +
        `Use broadcast, call the method itself, or give '${endpoint}' a concurrency above 1.`,
    );
    this.actor = actor;
    this.endpoint = endpoint;
  }
}

/** What a call can reject with, apart from mistakes of the caller that were never sent. */
export type CallError =
  | ActorError
  | MeshFailure
  | CallTimeoutError
  | CallAbortedError
  | OverflowError
  | ArgumentError
  | SelfCallError;
