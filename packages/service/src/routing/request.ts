import { AsyncLocalStorage } from 'node:async_hooks';
import { CallAbortedError, type CallOptions, CallTimeoutError, type Clock } from '@forge/monarch';
import { ServiceStoppedError } from '../errors.ts';
import type { StickySession } from './session.ts';

/** Limits of one request; both count from the call on, time in the queue included. */
export interface RouteOptions {
  /** Deadline. @default the endpoint's own `timeoutMs`, if any */
  readonly timeoutMs?: number;
  /** Cancels the request, wherever it is. */
  readonly signal?: AbortSignal;
}

/** What a caller asked for. */
export interface RequestSpec extends RouteOptions {
  readonly endpoint: string;
  readonly args: readonly unknown[];
  readonly session?: StickySession | undefined;
  /** No other replica can answer it. */
  readonly isForOneReplica?: boolean;
}

/** What a request needs of its dispatcher. */
export interface RequestHooks {
  readonly service: string;
  readonly clock: Clock;
  /** Called once, when its caller has an answer. */
  ended(request: ServiceRequest, isSuccessful: boolean): void;
}

/** A request from the call to its answer, over all attempts, deadline and cancellation included. */
export class ServiceRequest {
  readonly spec: RequestSpec;
  /** Age: smaller is older. */
  readonly order: number;
  readonly sentAtMs: number;
  readonly result: Promise<unknown>;
  attempts = 0;
  readonly #hooks: RequestHooks;
  readonly #answer = Promise.withResolvers<unknown>();
  readonly #abort: AbortController | undefined;
  readonly #stopClock: (() => void) | undefined;
  #stopOutage: (() => void) | undefined;
  #isSettled = false;
  #resume: (<R>(task: () => R) => R) | undefined;

  constructor(order: number, spec: RequestSpec, hooks: RequestHooks) {
    const { timeoutMs, signal } = spec;
    this.order = order;
    this.spec = spec;
    this.sentAtMs = hooks.clock.now();
    this.result = this.#answer.promise;
    this.#hooks = hooks;
    if (timeoutMs === undefined && signal === undefined) return;
    this.#abort = new AbortController();
    if (signal?.aborted) this.#onAbort();
    if (this.#isSettled) return;
    signal?.addEventListener('abort', this.#onAbort);
    if (timeoutMs !== undefined) {
      this.#stopClock = hooks.clock.after(timeoutMs, () => {
        this.#cancel(new CallTimeoutError(hooks.service, spec.endpoint, timeoutMs));
      });
    }
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** What each attempt is called with: cancelled when the request is, and with no deadline but the request's. */
  get callOptions(): CallOptions | undefined {
    if (!this.#abort) return undefined;
    const { timeoutMs } = this.spec;
    return timeoutMs === undefined ? { signal: this.#abort.signal } : { signal: this.#abort.signal, timeoutMs };
  }

  /** Remembers on whose behalf it runs: it will be sent from somebody else's code, when that frees a replica. */
  park(): void {
    this.#resume ??= AsyncLocalStorage.snapshot();
  }

  /** Runs `task` on behalf of the caller. */
  resume<R>(task: () => R): R {
    return this.#resume ? this.#resume(task) : task();
  }

  /** There is no healthy replica: rejects with `error()` after `waitMs` unless the outage ends before. */
  beginOutage(waitMs: number, error: () => Error): void {
    this.#stopOutage ??= this.#hooks.clock.after(waitMs, () => this.reject(error()));
  }

  endOutage(): void {
    this.#stopOutage?.();
    this.#stopOutage = undefined;
  }

  resolve(value: unknown): void {
    if (this.#settle(true)) this.#answer.resolve(value);
  }

  reject(error: unknown): void {
    if (this.#settle(false)) this.#answer.reject(error);
  }

  /** Answers that the service shuts down. */
  stop(started: boolean, cause?: unknown): void {
    this.reject(new ServiceStoppedError(this.#hooks.service, { started, cause }));
  }

  readonly #onAbort = (): void => {
    this.#cancel(new CallAbortedError(this.#hooks.service, this.spec.endpoint, this.spec.signal?.reason));
  };

  #cancel(error: Error): void {
    this.reject(error);
    this.#abort?.abort(error);
  }

  #settle(isSuccessful: boolean): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.#stopClock?.();
    this.endOutage();
    this.spec.signal?.removeEventListener('abort', this.#onAbort);
    this.#hooks.ended(this, isSuccessful);
    return true;
  }
}
