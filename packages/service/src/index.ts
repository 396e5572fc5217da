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
export { type GpuLease, GpuPool, visibleGpus } from './gpus.ts';
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
export type { RouteOptions } from './request.ts';
export type { RequestTotals } from './request-counter.ts';
export type { RestartPolicy } from './restart.ts';
export type { ReplicaMetrics, ServiceMetrics, ServiceState, ServiceTotals } from './snapshot.ts';
export type { ReplicaState } from './state.ts';
