import type { ActorMesh, Clock, HostMesh } from '@forge/monarch';
import { ServiceOptionsError } from './errors.ts';
import type { ServiceEvent } from './events.ts';
import type { GpuPool } from './replicas/gpus.ts';
import type { RestartPolicy } from './replicas/restart.ts';

/** Dimensions of a mesh of so many processes: one process is one actor, of which no dimension is left. */
export type ProcDims<Procs extends number> = number extends Procs ? string : Procs extends 1 ? never : 'procs';

/** A replica whose actors have just started and take no requests yet. */
export interface StartedReplica<T, Procs extends number> {
  readonly index: number;
  /** 0 when it starts for the first time. */
  readonly restarts: number;
  /** Its actors. */
  readonly mesh: ActorMesh<T, ProcDims<Procs>>;
}

/** Where the processes of an actor run. */
export interface ActorOptions<Procs extends number> {
  /** Processes of one actor mesh or replica. @default 1 */
  readonly procs?: Procs;
  /** Replica i is placed on host i of these, in turn. @default this host */
  readonly hosts?: HostMesh<string>;
  /**
   * Gives each process mesh `procs` GPUs that nobody else of this process has, as its CUDA_VISIBLE_DEVICES; rank r is
   * meant to use device r of them. They stay with a replica when it restarts. @default false
   */
  readonly withGpus?: boolean;
  /** GPUs to take them from. @default those of this process's CUDA_VISIBLE_DEVICES */
  readonly gpus?: GpuPool;
  /** Name in logs and errors. @default the name of the class */
  readonly meshName?: string;
  /** `inline` runs the actors in this process. @default 'process' */
  readonly kind?: 'inline' | 'process';
  /** Additions to the environment of the processes. */
  readonly env?: Readonly<Record<string, string>>;
}

/** How an actor class is turned into a service or an actor. */
export interface ServiceOptions<T, Procs extends number> extends ActorOptions<Procs> {
  /** @default 1 */
  readonly numReplicas?: number;
  /** Requests that one replica serves at a time; fanouts come on top. @default 10 */
  readonly replicaMaxConcurrentRequests?: number;
  /** Requests that wait for a replica; one more is rejected. @default 1024 */
  readonly maxQueuedRequests?: number;
  /** How long requests wait when no replica is healthy. @default 5_000 */
  readonly waitForHealthyMs?: number;
  /** How a lost replica is started again. @default 5 restarts a minute, after 0.2 s, 0.4 s, … */
  readonly restart?: RestartPolicy;
  /**
   * Runs before a replica takes requests, at every start: brings a generator to the current weights, for instance.
   * The start has failed when it rejects. Fanouts that go out from the start of its processes on reach the replica
   * after it; what it reads itself, such as the current version, must be set before the fanout that announces it.
   */
  readonly onReplicaStart?: (replica: StartedReplica<T, Procs>) => Promise<unknown>;
  /** Told what happens to replicas, sessions and retried requests, right after it happened. */
  readonly onEvent?: (event: ServiceEvent) => void;
  /** Time of deadlines and restarts. @default the system's */
  readonly clock?: Clock;
}

const POSITIVE = 'It must be an integer of at least 1.';
const NOT_NEGATIVE = 'It must be 0 or more.';

const prefixed = (restart: RestartPolicy) =>
  Object.fromEntries(Object.entries(restart).map(([name, value]) => [`restart.${name}`, value]));

/** A longer timer would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Refuses a time that no timer can wait for. @throws {ServiceOptionsError} */
export function checkDelay(option: string, value: number): void {
  if (value >= 0 && value <= MAX_DELAY_MS) return;
  throw new ServiceOptionsError(option, value, `It must be from 0 to ${MAX_DELAY_MS}. Leave it out for no limit.`);
}

const SERVICE_ONLY = [
  'replicaMaxConcurrentRequests',
  'maxQueuedRequests',
  'waitForHealthyMs',
  'restart',
  'onReplicaStart',
  'onEvent',
  'clock',
] as const;

/** Refuses options that would do nothing for a single mesh. @throws {ServiceOptionsError} */
export function checkActorOptions(
  options: { readonly [K in (typeof SERVICE_ONLY)[number] | 'numReplicas']?: unknown },
): void {
  const { numReplicas = 1 } = options;
  if (numReplicas !== 1) {
    throw new ServiceOptionsError('numReplicas', numReplicas, 'An actor has no replicas: use asService, or procs.');
  }
  const option = SERVICE_ONLY.find((name) => options[name] !== undefined);
  if (option) throw new ServiceOptionsError(option, options[option], 'Only a service has it: use asService.');
}

/** Refuses options that cannot be. @throws {ServiceOptionsError} */
export function checkOptions(options: Omit<ServiceOptions<never, number>, 'onReplicaStart'>): void {
  for (const option of ['procs', 'numReplicas', 'replicaMaxConcurrentRequests'] as const) {
    const value = options[option];
    if (value !== undefined && !(Number.isInteger(value) && value >= 1)) {
      throw new ServiceOptionsError(option, value, POSITIVE);
    }
  }
  const { maxQueuedRequests = 0, waitForHealthyMs = 0, restart = {} } = options;
  for (const [option, value] of Object.entries({ maxQueuedRequests, ...prefixed(restart) })) {
    if (!(value >= 0)) throw new ServiceOptionsError(option, value, NOT_NEGATIVE);
  }
  checkDelay('waitForHealthyMs', waitForHealthyMs);
  checkDelay('restart.maxDelayMs', restart.maxDelayMs ?? 0);
  if (options.withGpus && options.kind === 'inline') {
    throw new ServiceOptionsError(
      'kind',
      'inline',
      'GPUs are given to a process by its environment: leave out one of kind and withGpus.',
    );
  }
}
