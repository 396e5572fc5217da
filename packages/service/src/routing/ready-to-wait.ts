import { type Clock, traceHere } from '@forge/monarch';
import type { AbortWatch } from './abort-watch.ts';
import type { Call } from './plan.ts';
import { WaitLimit } from './wait-limit.ts';

/** Whom a call waits for. */
export interface Waiter {
  readonly service: string;
  readonly clock: Clock;
  /** Of the signals of all its calls. */
  readonly aborts: AbortWatch;
  /** Answers a call whose limit is over. */
  readonly refuse: (call: Call, error: unknown) => void;
}

/** The call with a watch on the limits of its plan and, in a program that is traced, with the span that it is part of. */
export function readyToWait(call: Call, waiter: Waiter): Call {
  const { trace = traceHere(), limit = limitOf(call, waiter) } = call.ticket;
  // Most calls have neither, and share their ticket.
  if (trace === call.ticket.trace && limit === call.ticket.limit) return call;
  return { ...call, ticket: { ...call.ticket, trace, limit } };
}

function limitOf(call: Call, { service, clock, aborts, refuse }: Waiter): WaitLimit | undefined {
  const { plan } = call.ticket;
  if (!plan.callOptions) return undefined;
  const { arrivedAtMs } = call;
  return new WaitLimit(plan, { service, clock, aborts, arrivedAtMs, over: (error) => refuse(call, error) });
}
