export {
  BackPressureError,
  FanoutError,
  type FanoutOutcome,
  GpusUnavailableError,
  NoHealthyReplicaError,
  ReplicaFailedError,
  ServiceOptionsError,
  ServiceStoppedError,
  SessionClosedError,
} from './errors.ts';
export type { ServiceEvent } from './events.ts';
export { ForgeActor, type Launcher } from './forge-actor.ts';
export type {
  Service,
  ServiceControls,
  ServiceEndpoint,
  Session,
  SessionControls,
  SessionEndpoint,
  ShutdownOptions,
} from './handle.ts';
export type { ActorOptions, ProcDims, ServiceOptions, StartedReplica } from './options.ts';
export { type GpuLease, GpuPool, visibleGpus } from './replicas/gpus.ts';
export type { RestartPolicy } from './replicas/restart.ts';
export type { ReplicaState } from './replicas/state.ts';
export type { RequestTotals } from './request-counter.ts';
export type { RouteOptions } from './routing/request.ts';
export type { ReplicaMetrics, ServiceMetrics, ServiceState, ServiceTotals } from './snapshot.ts';
