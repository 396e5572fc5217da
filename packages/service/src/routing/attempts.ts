import { type CallOptions, CallTimeoutError, OverflowError } from '@forge/monarch';
import { ReplicaFailedError, ServiceStoppedError } from '../errors.ts';
import type { ServiceEvent } from '../events.ts';
import { isLoss } from '../replicas/call-outcome.ts';
import type { Admission } from '../replicas/incarnation.ts';
import type { Replica } from '../replicas/replica.ts';
import { Pace } from './pace.ts';
import type { Call } from './plan.ts';
import { readyToWait, type Waiter } from './ready-to-wait.ts';
import { RetryBudget, type RetryPolicy, retryDelayMs, whyNotRetry } from './retry.ts';

/** What attempts need of their service. */
export interface AttemptsOptions extends Waiter {
  /** At least 0 and below 1. */
  readonly random: () => number;
  readonly retry: RetryPolicy;
  readonly emit: (event: ServiceEvent) => void;
  /** Answers a call that is not answered yet. */
  readonly answer: (call: Call, value: unknown) => void;
  /** The call may be repeated now. */
  readonly repeat: (call: Call) => void;
  /** A replica has finished an attempt. */
  readonly freed: (replica: Replica, latencyMs: number) => void;
}

/** A call at a replica. */
interface Attempt {
  readonly call: Call;
  readonly replica: Replica;
  readonly admission: Admission;
  readonly startedAtMs: number;
}

/** Calls at replicas: what comes of them, and which are repeated. */
export class Attempts {
  readonly pace = new Pace();
  readonly #options: AttemptsOptions;
  readonly #budget: RetryBudget;
  readonly #running = new Set<Call>();
  /** Calls that will be repeated, and how to prevent it. */
  readonly #delayed = new Map<Call, () => void>();
  #isClosed = false;
  #retried = 0;
  #idle = () => {};

  constructor(options: AttemptsOptions) {
    this.#options = options;
    this.#budget = new RetryBudget(options.retry);
  }

  /** Calls at replicas that are not answered. */
  get running(): number {
    return this.#running.size;
  }

  /** Attempts beyond the first. */
  get retried(): number {
    return this.#retried;
  }

  /** A call has come, which earns a part of a repetition. */
  earn(): void {
    this.#budget.earn();
  }

  /** Sends a call to a replica. Does not look whether that has a free slot. */
  run(call: Call, replica: Replica): void {
    const { clock, refuse } = this.#options;
    let options: CallOptions | undefined;
    try {
      options = optionsOf(call);
    } catch (error) {
      refuse(call, error);
      return;
    }
    const admission = replica.admit();
    const attempt = { call, replica, admission, startedAtMs: clock.now() };
    this.#running.add(call);
    const { plan, trace } = call.ticket;
    const send = () => plan.send(admission.incarnation, call, options);
    (trace ? trace(send) : send()).then(
      (value) => this.#succeeded(attempt, value),
      (error: unknown) => this.#failed(attempt, error),
    );
  }

  /** Nothing is repeated any more; resolves when nothing runs. */
  async close(): Promise<void> {
    const { refuse } = this.#options;
    this.#isClosed = true;
    for (const [call, cancel] of this.#delayed) {
      cancel();
      refuse(call, this.#stopped(true));
    }
    this.#delayed.clear();
    if (this.#running.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  /** Answers the callers of what still runs. */
  abandon(): void {
    for (const call of this.#running) this.#options.refuse(call, this.#stopped(true));
    this.#running.clear();
  }

  #succeeded(attempt: Attempt, value: unknown): void {
    const { call, replica, admission } = attempt;
    replica.release(admission, undefined);
    if (this.#running.delete(call)) this.#options.answer(call, value);
    this.#ended(attempt, 'successful');
  }

  #failed(attempt: Attempt, error: unknown): void {
    const { call, replica, admission } = attempt;
    const isOpen = this.#running.delete(call);
    // The loss of the replica has its consequences first, for sessions, too.
    replica.release(admission, error);
    const answer = isOpen ? this.#verdict(attempt, error) : error;
    if (answer === undefined) this.#repeat(attempt);
    else if (isOpen) this.#options.refuse(call, answer);
    this.#ended(attempt, answer === undefined ? 'retried' : 'failed');
  }

  #ended({ call, replica, startedAtMs }: Attempt, end: 'successful' | 'failed' | 'retried'): void {
    const { clock, freed } = this.#options;
    const nowMs = clock.now();
    const latencyMs = nowMs - startedAtMs;
    replica.requests.count(end, latencyMs, nowMs);
    if (end === 'successful') this.pace.record(call.ticket.plan.endpoint, replica.index, latencyMs, nowMs);
    freed(replica, latencyMs);
    if (this.#running.size === 0) this.#idle();
  }

  /** What a failed call rejects with; `undefined` when it is to be repeated. */
  #verdict({ call, replica, admission }: Attempt, error: unknown): unknown {
    const { service, retry } = this.#options;
    const { plan, purpose, session } = call.ticket;
    const { endpoint, idempotent = admission.incarnation.endpoints.get(endpoint)?.idempotent ?? false } = plan;
    const attempts = call.ticket.attempts + 1;
    const failure = failureOf(error);
    if (failure === undefined) return inFull(call, error);
    const wasSent = failure === 'lost';
    if (this.#isClosed) return this.#stopped(wasSent, error);
    const circumstances = { isForOneReplica: purpose === 'fanout', isStreaming: plan.isStreaming(call), attempts };
    const reason = whyNotRetry({ wasSent, isIdempotent: idempotent, ...circumstances }, retry);
    const refusal = reason === undefined ? session?.refusal(service) : undefined;
    if (refusal) return refusal;
    if (reason === undefined && this.#budget.spend()) return undefined;
    if (!wasSent) return error;
    const fields = { replica: replica.index, endpoint, attempts, cause: error };
    return new ReplicaFailedError(service, { ...fields, reason: reason ?? 'budget' });
  }

  #repeat({ call, replica }: Attempt): void {
    const { clock, random, retry, emit, repeat } = this.#options;
    const { plan } = call.ticket;
    const attempts = call.ticket.attempts + 1;
    const delayMs = retryDelayMs(attempts, random(), retry);
    this.#retried++;
    emit({ type: 'requestRetried', endpoint: plan.endpoint, replica: replica.index, attempts, delayMs });
    const again = readyToWait({ ...call, ticket: { ...call.ticket, attempts, limit: undefined } }, this.#options);
    const cancel = clock.after(delayMs, () => {
      this.#delayed.delete(again);
      repeat(again);
    });
    this.#delayed.set(again, cancel);
    const { limit } = again.ticket;
    if (!limit) return;
    limit.place = {
      bury: () => {
        cancel();
        this.#delayed.delete(again);
      },
    };
  }

  #stopped(started: boolean, cause?: unknown): ServiceStoppedError {
    return new ServiceStoppedError(this.#options.service, { started, cause });
  }
}

/** What a call is sent with: all its limits when it did not wait, else what is left. @throws {CallTimeoutError} */
function optionsOf({ ticket: { plan, limit } }: Call): CallOptions | undefined {
  if (!limit) return plan.callOptions;
  const timeoutMs = limit.end();
  return timeoutMs === undefined ? plan.callOptions : { ...plan.callOptions, timeoutMs };
}

/** The error of an attempt as the caller knows it: with its whole deadline, not what was left of it. */
function inFull({ ticket: { plan, limit } }: Call, error: unknown): unknown {
  if (!limit || !(error instanceof CallTimeoutError) || plan.timeoutMs === undefined) return error;
  return new CallTimeoutError(error.actor, plan.endpoint, plan.timeoutMs);
}

/** How an attempt failed for no fault of the endpoint: its replica was `lost` under it, or `refused` to take it. */
function failureOf(error: unknown): 'lost' | 'refused' | undefined {
  if (isLoss(error)) return 'lost';
  return error instanceof OverflowError ? 'refused' : undefined;
}
