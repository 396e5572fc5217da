import type { CallOptions } from '@forge/monarch';
import type { Incarnation } from '../replicas/incarnation.ts';
import type { RoutingKey } from './rendezvous.ts';
import type { Router } from './router.ts';
import type { StickySession } from './session.ts';
import type { WaitLimit } from './wait-limit.ts';

/** Sends one attempt of a call to a replica; settles when it has ended there. */
export type Send = (incarnation: Incarnation, call: Call, options: CallOptions | undefined) => Promise<unknown>;

/** How an endpoint is called: what all calls of one handle have in common. */
export interface PlanOptions {
  readonly endpoint: string;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** @default that of the service */
  readonly router?: Router | undefined;
  readonly key?: RoutingKey | undefined;
  /** @default 0 */
  readonly priority?: number | undefined;
  /** @default as the endpoint is declared */
  readonly idempotent?: boolean | undefined;
  /** @default calls the endpoint once */
  readonly send?: Send | undefined;
  /** Its caller has a part of the answer. @default never before the end */
  readonly isStreaming?: ((call: Call) => boolean) | undefined;
}

const callEndpoint: Send = (incarnation, { ticket, args }, options) =>
  incarnation.call(ticket.plan.endpoint, args, options);

const never = () => false;

/** {@link PlanOptions} with what follows from them, made once for many calls. */
export class Plan {
  readonly endpoint: string;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly router: Router | undefined;
  readonly key: RoutingKey | undefined;
  readonly priority: number;
  readonly idempotent: boolean | undefined;
  readonly send: Send;
  readonly isStreaming: (call: Call) => boolean;
  /** Of its calls without a session, before their first attempt. */
  readonly ticket: Ticket = {
    plan: this,
    purpose: 'route',
    session: undefined,
    attempts: 0,
    limit: undefined,
    trace: undefined,
  };
  /** For a call that did not wait. */
  readonly callOptions: CallOptions | undefined;

  constructor({ endpoint, timeoutMs, signal, router, key, priority = 0, idempotent, send, isStreaming }: PlanOptions) {
    this.endpoint = endpoint;
    this.timeoutMs = timeoutMs;
    this.signal = signal;
    this.router = router;
    this.key = key;
    this.priority = priority;
    this.idempotent = idempotent;
    this.send = send ?? callEndpoint;
    this.isStreaming = isStreaming ?? never;
    const hasLimits = timeoutMs !== undefined || signal !== undefined;
    this.callOptions = hasLimits ? { ...(timeoutMs && { timeoutMs }), ...(signal && { signal }) } : undefined;
  }
}

/** What a call is, apart from its arguments: one for all calls of a plan that have nothing of their own. */
export interface Ticket {
  readonly plan: Plan;
  /** It goes to any replica, or to one of all, or waits until there is any. */
  readonly purpose: 'route' | 'fanout' | 'opening';
  readonly session: StickySession | undefined;
  /** Attempts that were made. */
  readonly attempts: number;
  /** Set when the call had to wait and its plan has limits. */
  readonly limit: WaitLimit | undefined;
  /** Set when the call had to wait, in a program that is traced: runs a task within the span of its caller. */
  readonly trace: (<R>(task: () => R) => R) | undefined;
}

/** A call from its arrival to its answer. Its caller owns `args`, which are read when it is sent. */
export interface Call {
  readonly ticket: Ticket;
  readonly args: readonly unknown[];
  /** Unique in its service: it orders calls, too. */
  readonly arrivedAtMs: number;
  /** Answers the caller; with a promise that rejects, by an error. */
  readonly resolve: (answer: unknown) => void;
}
