import type { Board } from '@forge/monarch';
import type { ReplicaSet } from './replicas/replica-set.ts';
import type { RequestTotals } from './request-counter.ts';
import { metricsOf } from './snapshot.ts';

const COLUMNS = [
  'state',
  'in flight',
  'waiting',
  'sessions',
  'calls',
  'calls/s',
  'p50 ms',
  'p99 ms',
  'failed',
  'retried',
  'restarts',
];

const callsOf = ({
  totalRequests,
  requestRate,
  p50LatencyMs,
  p99LatencyMs,
  failedRequests,
  retriedRequests,
}: RequestTotals) => [totalRequests, requestRate, p50LatencyMs, p99LatencyMs, failedRequests, retriedRequests] as const;

/** A service as a table of the admin page: a row for each replica, and one for all that was routed. */
export function boardOf(set: ReplicaSet): Board {
  const { service, replicas } = metricsOf(set);
  const healthy = `${service.healthyReplicas} of ${service.totalReplicas} healthy`;
  const inFlight = replicas.reduce((sum, { activeRequests }) => sum + activeRequests, 0);
  const total = [
    'all',
    healthy,
    inFlight,
    service.queueDepth,
    service.totalSessions,
    ...callsOf(service),
    service.restarts,
  ];
  const rows = set.replicas.map(({ index, state }, at) => {
    // Taken at the same moment, in the same order.
    const one = replicas[at]!;
    return [index, state, one.activeRequests, one.queueDepth, one.assignedSessions, ...callsOf(one), one.restarts];
  });
  return { title: `service ${set.name}`, columns: COLUMNS, rows: [total, ...rows] };
}
