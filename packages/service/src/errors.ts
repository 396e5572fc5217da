import type { ReplicaState } from './replicas/life.ts';

/** An option that cannot be, or that does not apply where it was given. Nothing was started. */
export class ServiceOptionsError extends RangeError {
  override readonly name = 'ServiceOptionsError';
  readonly code = 'ERR_SERVICE_OPTIONS';
  readonly option: string;
  readonly value: unknown;

  constructor(option: string, value: unknown, problem: string, what = `${option} is ${String(value)}.`) {
    super(`${what} ${problem}`);
    this.option = option;
    this.value = value;
  }
}

/** There are not as many free GPUs as were asked for. Nothing was taken. */
export class GpusUnavailableError extends Error {
  override readonly name = 'GpusUnavailableError';
  readonly code = 'ERR_SERVICE_GPUS';
  readonly wanted: number;
  readonly free: readonly string[];
  readonly total: number;

  constructor(wanted: number, free: readonly string[], total: number) {
    super(
      `${wanted} GPUs are needed, ${free.length} of ${total} are free${free.length > 0 ? ` (${free.join(', ')})` : ''}. ` +
        'Ask for fewer replicas or processes, stop what holds GPUs, or name more in CUDA_VISIBLE_DEVICES.',
    );
    this.wanted = wanted;
    this.free = free;
    this.total = total;
  }
}

/** The data of a {@link BackPressureError}. */
export interface BackPressure {
  readonly queued: number;
  readonly max: number;
  /**
   * When there should be room for this call, by the rate at which calls are served now and how many were turned away
   * before it; `undefined` while nothing has been served.
   */
  readonly retryAfterMs: number | undefined;
}

/** The queue of the service is full. The request was not sent: try again after `retryAfterMs`, or offer less. */
export class BackPressureError extends Error {
  override readonly name = 'BackPressureError';
  readonly code = 'ERR_SERVICE_BACK_PRESSURE';
  readonly queued: number;
  readonly max: number;
  readonly retryAfterMs: number | undefined;

  constructor(service: string, { queued, max, retryAfterMs }: BackPressure) {
    const advice = retryAfterMs === undefined ? '' : ` There should be room in ${Math.ceil(retryAfterMs)} ms.`;
    super(
      `${service} has ${queued} requests waiting, the most it holds is ${max}.${advice} ` +
        'Send fewer at once, or add replicas.',
    );
    this.queued = queued;
    this.max = max;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The data of a {@link NoHealthyReplicaError}. */
export interface Outage {
  readonly waitedMs: number;
  /** Of each replica. */
  readonly states: readonly ReplicaState[];
  /** Why one of them was lost. */
  readonly cause: unknown;
}

/** No replica was healthy for as long as the service waits for one. The request was not sent. */
export class NoHealthyReplicaError extends Error {
  override readonly name = 'NoHealthyReplicaError';
  readonly code = 'ERR_SERVICE_NO_HEALTHY_REPLICA';
  readonly waitedMs: number;
  readonly states: readonly ReplicaState[];

  constructor(service: string, { waitedMs, states, cause }: Outage) {
    super(`${service} had no healthy replica for ${waitedMs} ms (${states.join(', ')}).`, { cause });
    this.waitedMs = waitedMs;
    this.states = states;
  }
}

/**
 * Why a call was not repeated elsewhere: it must not run twice (`notIdempotent`), had all its attempts (`attempts`), too
 * many calls were repeated lately (`budget`), part of its stream was delivered (`streaming`), or it was for this replica
 * (`fanout`).
 */
export type NoRetryReason = 'notIdempotent' | 'attempts' | 'budget' | 'streaming' | 'fanout';

const REASONS: Readonly<Record<NoRetryReason, string>> = {
  notIdempotent: 'It was not repeated, as its endpoint is not declared idempotent.',
  attempts: 'It had all its attempts.',
  budget: 'It was not repeated, as too many calls were lately.',
  streaming: 'Items of its stream had been delivered.',
  fanout: 'It was for this replica only.',
};

/** The data of a {@link ReplicaFailedError}. */
export interface ReplicaFailedFields {
  readonly replica: number;
  readonly endpoint: string;
  /** Attempts that were made. */
  readonly attempts: number;
  readonly reason: NoRetryReason;
  readonly cause: unknown;
}

/**
 * The replica that served the request was lost. Whether the endpoint ran is unknown: mark it, or the call,
 * `idempotent` when it may run twice, and the service tries again itself.
 */
export class ReplicaFailedError extends Error {
  override readonly name = 'ReplicaFailedError';
  readonly code = 'ERR_SERVICE_REPLICA_FAILED';
  readonly replica: number;
  readonly endpoint: string;
  readonly attempts: number;
  readonly reason: NoRetryReason;

  constructor(service: string, { replica, endpoint, attempts, reason, cause }: ReplicaFailedFields) {
    super(
      `Replica ${replica} of ${service} was lost while it served ${endpoint} (attempt ${attempts}). ` +
        `Whether the call took effect is unknown. ${REASONS[reason]}`,
      { cause },
    );
    this.replica = replica;
    this.endpoint = endpoint;
    this.attempts = attempts;
    this.reason = reason;
  }
}

/** The service is shutting down or shut down. `started` tells whether the request had reached a replica. */
export class ServiceStoppedError extends Error {
  override readonly name = 'ServiceStoppedError';
  readonly code = 'ERR_SERVICE_STOPPED';
  readonly started: boolean;

  constructor(service: string, { started, cause }: { readonly started: boolean; readonly cause?: unknown }) {
    super(
      started
        ? `${service} was shut down before the call ended.`
        : `${service} is shut down. The request was not sent.`,
      cause === undefined ? undefined : { cause },
    );
    this.started = started;
  }
}

/** Why replicas did not start. */
export interface StartFailure {
  readonly replica: number;
  readonly cause: unknown;
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Replicas could not be started; `cause` is what the first of them failed with. */
export class ReplicaStartError extends Error {
  override readonly name = 'ReplicaStartError';
  readonly code = 'ERR_SERVICE_REPLICA_START';
  readonly failures: readonly StartFailure[];

  constructor(service: string, failures: readonly StartFailure[], total: number) {
    const cause = failures[0]?.cause;
    const which = failures.map(({ replica }) => replica).join(', ');
    super(`${failures.length} of ${total} replicas of ${service} did not start (${which}): ${textOf(cause)}`, {
      cause,
    });
    this.failures = [...failures];
  }
}

/** A replica was ended before it was healthy. */
export class ReplicaEndedError extends Error {
  override readonly name = 'ReplicaEndedError';
  readonly code = 'ERR_SERVICE_REPLICA_ENDED';
  readonly replica: number;

  constructor(service: string, replica: number) {
    super(
      `Replica ${replica} of ${service} was ended before it was healthy: it was drained, or the service shut down.`,
    );
    this.replica = replica;
  }
}

/** A replica took longer to start or to warm up than it may. */
export class StartTimeoutError extends Error {
  override readonly name = 'StartTimeoutError';
  readonly code = 'ERR_SERVICE_START_TIMEOUT';
  readonly replica: number;
  readonly timeoutMs: number;

  constructor(service: string, replica: number, timeoutMs: number) {
    super(
      `Replica ${replica} of ${service} was not ready within ${timeoutMs} ms. Give it more time by startTimeoutMs.`,
    );
    this.replica = replica;
    this.timeoutMs = timeoutMs;
  }
}

/** A replica did not answer a health check in time. */
export class HealthCheckTimeoutError extends Error {
  override readonly name = 'HealthCheckTimeoutError';
  readonly code = 'ERR_SERVICE_HEALTH_CHECK_TIMEOUT';
  readonly timeoutMs: number;

  constructor(replica: string, timeoutMs: number) {
    super(`The health check of ${replica} did not end within ${timeoutMs} ms.`);
    this.timeoutMs = timeoutMs;
  }
}

/** How far a rolling update came. */
export interface RollingUpdateProgress extends StartFailure {
  readonly replaced: number;
  readonly total: number;
}

/** A rolling update ended because a replacement did not start. What was not replaced by then is still in service. */
export class RollingUpdateError extends Error {
  override readonly name = 'RollingUpdateError';
  readonly code = 'ERR_SERVICE_ROLLING_UPDATE';
  /** The one that was to be replaced. */
  readonly replica: number;
  readonly replaced: number;
  readonly total: number;

  constructor(service: string, { replica, replaced, total, cause }: RollingUpdateProgress) {
    super(
      `The replacement of replica ${replica} of ${service} did not start: ${textOf(cause)} ` +
        `The update ended there: ${replaced} of ${total} replicas are replaced, the others go on as they were.`,
      { cause },
    );
    this.replica = replica;
    this.replaced = replaced;
    this.total = total;
  }
}
