import type { ReplicaState } from './replicas/life.ts';
import type { Replica } from './replicas/replica.ts';
import type { ReplicaSet } from './replicas/replica-set.ts';
import type { RequestTotals } from './request-counter.ts';

/** One replica in numbers. */
export interface ReplicaMetrics extends RequestTotals {
  readonly activeRequests: number;
  /** Requests that wait for this replica because of their session; the others wait for any. */
  readonly queueDepth: number;
  readonly assignedSessions: number;
  /** Busy part of its slots, 0 to 1; fanouts may exceed it. */
  readonly capacityUtilization: number;
  readonly restarts: number;
}

/** A service in numbers: what was routed, each request once; fanouts count in the replicas only. Latencies count from the call to the answer, time in the queue included. */
export interface ServiceTotals extends RequestTotals {
  readonly totalSessions: number;
  readonly healthyReplicas: number;
  readonly totalReplicas: number;
  readonly totalRequestRate: number;
  readonly queueDepth: number;
  readonly avgQueueDepth: number;
  readonly avgCapacityUtilization: number;
  readonly sessionsPerReplica: readonly number[];
  /** Turned away because the queue was full. */
  readonly rejectedRequests: number;
  readonly restarts: number;
}

/**
 * A snapshot of a service and its replicas by index.
 *
 * Source: TorchForge `forge/controller/service/metrics.py`, `ServiceMetrics.get_summary`.
 */
export interface ServiceMetrics {
  readonly service: ServiceTotals;
  readonly replicas: readonly ReplicaMetrics[];
}

/** What a service is doing. */
export interface ServiceState {
  readonly name: string;
  readonly queued: number;
  readonly sessions: number;
  readonly replicas: readonly {
    readonly index: number;
    readonly state: ReplicaState;
    readonly activeRequests: number;
    readonly assignedSessions: number;
    readonly restarts: number;
    /** Calls and checks that failed in a row, which may take it out of service. */
    readonly failures: number;
    /** Where it is or was last: the rank of its machine among `hosts`; `undefined` while it is nowhere. */
    readonly host: number | undefined;
    /** Why it was last lost or ejected, if it ever was. */
    readonly cause: unknown;
  }[];
}

/** Takes the numbers of a service. */
export function metricsOf({
  replicas,
  dispatcher,
  sessions,
  requests,
  clock,
  maxConcurrency,
}: ReplicaSet): ServiceMetrics {
  const nowMs = clock.now();
  const sum = (of: (replica: Replica) => number) => replicas.reduce((total, replica) => total + of(replica), 0);
  const totals = requests.totals(nowMs);
  const utilization = ({ inFlight }: Replica) => inFlight / maxConcurrency;
  return {
    service: {
      ...totals,
      retriedRequests: dispatcher.attempts.retried,
      totalSessions: sessions.size,
      healthyReplicas: replicas.filter(({ state }) => state === 'healthy').length,
      totalReplicas: replicas.length,
      totalRequestRate: totals.requestRate,
      queueDepth: dispatcher.queued,
      avgQueueDepth: dispatcher.queued / replicas.length,
      avgCapacityUtilization: sum(utilization) / replicas.length,
      sessionsPerReplica: replicas.map(({ assignedSessions }) => assignedSessions),
      rejectedRequests: dispatcher.rejected,
      restarts: sum(({ restarts }) => restarts),
    },
    replicas: replicas.map((replica) => ({
      ...replica.requests.totals(nowMs),
      activeRequests: replica.inFlight,
      queueDepth: dispatcher.queuedFor(replica),
      assignedSessions: replica.assignedSessions,
      capacityUtilization: utilization(replica),
      restarts: replica.restarts,
    })),
  };
}

/** Looks at a service. */
export function stateOf({ name, replicas, dispatcher, sessions }: ReplicaSet): ServiceState {
  return {
    name,
    queued: dispatcher.queued,
    sessions: sessions.size,
    replicas: replicas.map(({ index, state, inFlight, assignedSessions, restarts, failures, host, cause }) => {
      return { index, state, activeRequests: inFlight, assignedSessions, restarts, failures, host, cause };
    }),
  };
}
