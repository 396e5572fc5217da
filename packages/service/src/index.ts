export {
  type BackPressure,
  BackPressureError,
  GpusUnavailableError,
  HealthCheckTimeoutError,
  NoHealthyReplicaError,
  type NoRetryReason,
  ReplicaEndedError,
  ReplicaFailedError,
  ReplicaStartError,
  RollingUpdateError,
  ServiceOptionsError,
  ServiceStoppedError,
  type StartFailure,
  StartTimeoutError,
} from './errors.ts';
export type { ServiceEvent } from './events.ts';
export { ForgeActor, type Launcher } from './forge-actor.ts';
export type {
  DrainOptions,
  ReplicaControls,
  Service,
  ServiceControls,
  ServiceEndpoint,
  ServiceStream,
  Session,
  SessionControls,
  SessionEndpoint,
  ShutdownOptions,
  UpdateOptions,
} from './handle.ts';
export type { ActorOptions, HealthPolicy, ProcDims, ServiceOptions, StartedReplica } from './options.ts';
export type { AutoscalePolicy } from './replicas/autoscale.ts';
export type { EjectionPolicy } from './replicas/ejection.ts';
export { type GpuLease, GpuPool, visibleGpus } from './replicas/gpus.ts';
export type { HealthCheckPolicy } from './replicas/health-check.ts';
export type { ReplicaState } from './replicas/life.ts';
export type { RestartPolicy } from './replicas/restart.ts';
export type { RollingUpdateOptions } from './replicas/rolling-update.ts';
export type { RequestTotals } from './request-counter.ts';
export { FanoutError, type FanoutOutcome } from './routing/fanout-error.ts';
export type { RoutingKey } from './routing/rendezvous.ts';
export type { RetryPolicy } from './routing/retry.ts';
export type { RouteOptions, SessionRouteOptions } from './routing/route-options.ts';
export {
  type Candidate,
  consistentHash,
  leastLoaded,
  powerOfTwo,
  type RoutedCall,
  type Router,
  type RouterName,
  roundRobin,
} from './routing/router.ts';
export type { SessionOptions } from './routing/session.ts';
export { SessionClosedError, SessionExpiredError, SessionLostError } from './routing/session-errors.ts';
export type { ReplicaMetrics, ServiceMetrics, ServiceState, ServiceTotals } from './snapshot.ts';
