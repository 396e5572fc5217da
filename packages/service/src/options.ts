import type { ActorMesh, Clock, HostMesh } from '@forge/monarch';
import { ServiceOptionsError } from './errors.ts';
import type { ServiceEvent } from './events.ts';
import type { AutoscalePolicy } from './replicas/autoscale.ts';
import type { EjectionPolicy } from './replicas/ejection.ts';
import type { GpuPool } from './replicas/gpus.ts';
import type { HealthCheckPolicy } from './replicas/health-check.ts';
import type { RestartPolicy } from './replicas/restart.ts';
import type { RetryPolicy } from './routing/retry.ts';
import { routerOf } from './routing/route-options.ts';
import type { Router, RouterName } from './routing/router.ts';

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

/** When a replica that runs counts as ill. */
export interface HealthPolicy<T, Procs extends number> extends EjectionPolicy, HealthCheckPolicy {
  /**
   * Asks a healthy replica how it is: what rejects, throws or hangs is a failure. Call an endpoint that does not wait
   * behind others, one with a `concurrency`. @default only requests tell
   */
  readonly check?: (replica: StartedReplica<T, Procs>) => unknown;
}

/** Where the processes of an actor run. */
export interface ActorOptions<Procs extends number> {
  /** Processes of one actor mesh or replica. @default 1 */
  readonly procs?: Procs;
  /**
   * Machines over which replicas are spread, each on one of them. A replica that is started again stays where it was
   * unless its machine is lost. @default this host
   */
  readonly hosts?: HostMesh<string>;
  /**
   * Gives each process a GPU that nobody else of this program has, as its CUDA_VISIBLE_DEVICES. It stays with a replica
   * when that restarts. @default false
   */
  readonly withGpus?: boolean;
  /** GPUs to take them from: a pool, or with `hosts` one for each of them. @default those of this process's CUDA_VISIBLE_DEVICES */
  readonly gpus?: GpuPool | readonly GpuPool[];
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
  /** Adds and drains replicas as the load asks for. @default the number stays */
  readonly autoscale?: AutoscalePolicy;
  /**
   * Replicas that must be healthy for `asService` to resolve; the others go on starting, and are started again when that
   * fails. @default numReplicas
   */
  readonly minHealthyReplicas?: number;
  /** A replica whose actors, or whose `onReplicaStart`, take longer than this is lost. @default no limit */
  readonly startTimeoutMs?: number;
  /** Requests that one replica serves at a time; fanouts come on top. @default 10 */
  readonly replicaMaxConcurrentRequests?: number;
  /** Requests that wait for a replica; one more is rejected. @default 1024 */
  readonly maxQueuedRequests?: number;
  /** How long requests wait when no replica is healthy. @default 5_000 */
  readonly waitForHealthyMs?: number;
  /** Which replica gets a call that is part of no session. @default 'roundRobin' */
  readonly router?: RouterName | Router;
  /** How calls are repeated whose replica was lost. @default 3 attempts, 20 % of all calls */
  readonly retry?: RetryPolicy;
  /** How a lost replica is started again. @default 5 restarts a minute, after 0.2 s, 0.4 s, … */
  readonly restart?: RestartPolicy;
  /** When a replica is taken out of service that runs but fails. @default after 5 failures in a row, probed after 1 s, 2 s, … */
  readonly health?: HealthPolicy<T, Procs>;
  /**
   * Runs before a replica takes requests, at every start: brings a generator to the current weights, for instance.
   * The start has failed when it rejects. Fanouts that go out from the start of its processes on reach the replica
   * after it; what it reads itself, such as the current version, must be set before the fanout that announces it.
   */
  readonly onReplicaStart?: (replica: StartedReplica<T, Procs>) => Promise<unknown>;
  /** Told what happens to replicas, sessions and retried requests, right after it happened. */
  readonly onEvent?: (event: ServiceEvent) => void;
  /** Time of deadlines, checks and restarts. @default that of the program */
  readonly clock?: Clock;
}

const POSITIVE = 'It must be an integer of at least 1.';
const NOT_NEGATIVE = 'It must be 0 or more.';

const prefixed = (name: string, policy: object): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(policy).map(([field, value]) => [`${name}.${field}`, value]));

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
  'router',
  'retry',
  'restart',
  'autoscale',
  'minHealthyReplicas',
  'startTimeoutMs',
  'health',
  'onReplicaStart',
  'onEvent',
  'clock',
] as const;

/** Refuses a number that counts nothing. @throws {ServiceOptionsError} */
export function checkCount(option: string, value: number): void {
  if (!(Number.isInteger(value) && value >= 1)) throw new ServiceOptionsError(option, value, POSITIVE);
}

/** Refuses a time after which something would be done again at once. @throws {ServiceOptionsError} */
function checkInterval(option: string, value: number): void {
  if (value === 0) throw new ServiceOptionsError(option, value, 'It must be above 0.');
  checkDelay(option, value);
}

/** Refuses numbers of a health policy that cannot be. @throws {ServiceOptionsError} */
function checkHealthPolicy({
  maxFailures = 1,
  maxProbes = 1,
  intervalMs = 1,
  timeoutMs = 1,
  ...delays
}: Ejecting): void {
  checkCount('health.maxFailures', maxFailures);
  checkCount('health.maxProbes', maxProbes);
  checkInterval('health.intervalMs', intervalMs);
  checkInterval('health.timeoutMs', timeoutMs);
  for (const [name, value] of Object.entries(delays)) checkDelay(`health.${name}`, value);
}

type Ejecting = EjectionPolicy & HealthCheckPolicy;

/** Refuses options about replicas that contradict each other. @throws {ServiceOptionsError} */
function checkReplicas({ numReplicas = 1, minHealthyReplicas = 1, autoscale }: Partial<Sizes>): void {
  if (minHealthyReplicas > numReplicas) {
    throw new ServiceOptionsError('minHealthyReplicas', minHealthyReplicas, `There are ${numReplicas} replicas.`);
  }
  if (!autoscale) return;
  const { minReplicas = 1, maxReplicas, targetOngoing = 1, intervalMs = 1, ...delays } = autoscale;
  checkCount('autoscale.minReplicas', minReplicas);
  checkCount('autoscale.maxReplicas', maxReplicas);
  if (!(targetOngoing > 0)) {
    throw new ServiceOptionsError('autoscale.targetOngoing', targetOngoing, 'It must be above 0.');
  }
  checkInterval('autoscale.intervalMs', intervalMs);
  for (const [name, value] of Object.entries(delays)) checkDelay(`autoscale.${name}`, value);
  if (numReplicas >= minReplicas && numReplicas <= maxReplicas) return;
  const range = `autoscale goes from ${minReplicas} to ${maxReplicas}.`;
  throw new ServiceOptionsError('numReplicas', numReplicas, range);
}

type Sizes = Pick<ServiceOptions<never, number>, 'numReplicas' | 'minHealthyReplicas' | 'autoscale'>;

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

type CheckedOptions = Omit<ServiceOptions<never, number>, 'onReplicaStart' | 'health'> & {
  readonly health?: Ejecting & { readonly check?: unknown };
};

/** Refuses options that cannot be. @throws {ServiceOptionsError} */
export function checkOptions({ health = {}, ...options }: CheckedOptions): void {
  for (const option of ['procs', 'numReplicas', 'replicaMaxConcurrentRequests', 'minHealthyReplicas'] as const) {
    const value = options[option];
    if (value !== undefined) checkCount(option, value);
  }
  checkReplicas(options);
  // What is asked is the caller's.
  const { check: _, ...numbers } = health;
  checkHealthPolicy(numbers);
  const { maxQueuedRequests = 0, waitForHealthyMs = 0, restart = {}, retry = {}, router } = options;
  for (const [option, value] of Object.entries({
    maxQueuedRequests,
    ...prefixed('restart', restart),
    ...prefixed('retry', retry),
  })) {
    if (!(value >= 0)) throw new ServiceOptionsError(option, value, NOT_NEGATIVE);
  }
  checkDelay('waitForHealthyMs', waitForHealthyMs);
  checkDelay('restart.maxDelayMs', restart.maxDelayMs ?? 0);
  checkDelay('startTimeoutMs', options.startTimeoutMs ?? 0);
  checkDelay('retry.maxDelayMs', retry.maxDelayMs ?? 0);
  if (retry.maxAttempts !== undefined && !(retry.maxAttempts >= 1)) {
    throw new ServiceOptionsError('retry.maxAttempts', retry.maxAttempts, 'It must be 1 or more, the first included.');
  }
  if (router !== undefined) routerOf(router);
  if (options.withGpus && options.kind === 'inline') {
    throw new ServiceOptionsError(
      'kind',
      'inline',
      'GPUs are given to a process by its environment: leave out one of kind and withGpus.',
    );
  }
}
