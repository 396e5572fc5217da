import { AsyncLocalStorage } from 'node:async_hooks';
import { type Actor, detached, type EndpointCard, showBoard, surroundings } from '@forge/monarch';
import { boardOf } from './board.ts';
import { GpusUnavailableError, ServiceOptionsError } from './errors.ts';
import { EventStream } from './event-stream.ts';
import type { ServiceEvent } from './events.ts';
import type { ReplicaControls, Service } from './handle.ts';
import { type ActorOptions, checkCount, checkDelay } from './options.ts';
import { GpuPool, processGpus } from './replicas/gpus.ts';
import { Placement } from './replicas/placement.ts';
import { ReplicaSet } from './replicas/replica-set.ts';
import { rollingUpdate } from './replicas/rolling-update.ts';
import { replicasOf, type ServiceBlueprint, type Surrounding } from './replicas/sources.ts';
import { routerOf } from './routing/route-options.ts';
import { serviceHandle } from './service-handle.ts';

/** Time for the requests and sessions of a replica that is to end. */
const GRACE_MS = 20_000;

/** Where the replicas of a service are. @throws {GpusUnavailableError | ServiceOptionsError} without GPUs for all. */
function placementOf(numReplicas: number, options: ActorOptions<number>): Placement {
  const { procs = 1, hosts, withGpus = false, gpus = processGpus() } = options;
  const gpusEach = withGpus ? procs : 0;
  const pools = gpus instanceof GpuPool ? [gpus] : gpus;
  if (withGpus && hosts && pools.length !== hosts.length) {
    const what = `There are ${hosts.length} hosts, and GPUs of ${pools.length}.`;
    throw new ServiceOptionsError('gpus', pools.length, 'Give a pool for each host.', what);
  }
  const free = pools.flatMap((pool) => pool.free);
  if (free.length < numReplicas * gpusEach) {
    const total = pools.reduce((sum, { size }) => sum + size, 0);
    throw new GpusUnavailableError(numReplicas * gpusEach, free, total);
  }
  return new Placement({ hosts: hosts?.length ?? 1, gpusEach, pools });
}

/**
 * Starts every replica and waits until all, or as many as must be, are healthy.
 *
 * @throws {GpusUnavailableError} when there are too few GPUs.
 * @throws {ReplicaStartError} when replicas do not start; none is left then.
 */
export async function startService<T extends Actor, Args extends readonly unknown[], Procs extends number>(
  blueprint: ServiceBlueprint<T, Args, Procs>,
): Promise<Service<T, Args>> {
  const { options, actor } = blueprint;
  const { numReplicas = 1, meshName = actor.name, restart, onEvent, health, startTimeoutMs, autoscale } = options;
  const { clock, random } = surroundings();
  const events = new EventStream<ServiceEvent>();
  let endpoints: ReadonlyMap<string, EndpointCard> = new Map();
  const surrounding: Surrounding = {
    placement: placementOf(numReplicas, options),
    // Replicas start at any time, because of anybody's request.
    onBehalf: detached(() => AsyncLocalStorage.snapshot()),
    launched: (found) => {
      endpoints = found;
    },
  };
  const replicas = new ReplicaSet({
    name: meshName,
    numReplicas,
    minHealthy: options.minHealthyReplicas ?? numReplicas,
    prepare: replicasOf(blueprint, surrounding),
    restart,
    ejection: health,
    checks: health,
    startTimeoutMs,
    autoscale,
    clock: options.clock ?? clock,
    random,
    maxConcurrency: options.replicaMaxConcurrentRequests ?? 10,
    maxQueued: options.maxQueuedRequests ?? 1024,
    waitForHealthyMs: options.waitForHealthyMs ?? 5_000,
    router: routerOf(options.router ?? 'roundRobin'),
    retry: options.retry ?? {},
    emit: (event) => {
      events.tell(event);
      // Later, so that what a listener does or throws never comes between a change and its consequences.
      if (onEvent) queueMicrotask(() => onEvent(event));
    },
  });
  /** One update after the other: each finds what the one before left. */
  let updates: Promise<void> = Promise.resolve();
  const controls: ReplicaControls<Args> = {
    events: () => events.read(),
    scale: async (count, { graceMs = GRACE_MS } = {}) => {
      checkCount('numReplicas', count);
      checkDelay('graceMs', graceMs);
      await replicas.fleet.scale(count, graceMs);
    },
    drain: async (replica, { graceMs = GRACE_MS } = {}) => {
      checkDelay('graceMs', graceMs);
      await replicas.fleet.drain(replica, graceMs);
    },
    rollingUpdate: async ({ args = blueprint.args, env = options.env, surge = 1, graceMs = GRACE_MS } = {}) => {
      if (surge !== 0) checkCount('surge', surge);
      checkDelay('graceMs', graceMs);
      const next = replicasOf({ actor, args, options: env ? { ...options, env } : options }, surrounding);
      const update = updates.then(
        async () => await rollingUpdate(replicas.fleet, { name: meshName, next, surge, graceMs }),
      );
      updates = update.catch(() => {});
      await update;
    },
  };
  await replicas.start();
  const hideBoard = showBoard(() => boardOf(replicas));
  const stopped = () => {
    hideBoard();
    events.end();
  };
  try {
    return serviceHandle<T, Args>(replicas, endpoints, { controls, stopped });
  } catch (error) {
    await replicas.shutdown(0);
    stopped();
    throw error;
  }
}
