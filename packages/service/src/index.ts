export {
  BackPressureError,
  FanoutError,
  type FanoutOutcome,
  GpusUnavailableError,
  HealthCheckTimeoutError,
  NoHealthyReplicaError,
  ReplicaFailedError,
  ReplicaStartError,
  RollingUpdateError,
  ServiceOptionsError,
  ServiceStoppedError,
  SessionClosedError,
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
export type { RouteOptions } from './routing/request.ts';
export type { ReplicaMetrics, ServiceMetrics, ServiceState, ServiceTotals } from './snapshot.ts';
