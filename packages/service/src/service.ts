import { type Actor, type EndpointCard, systemClock } from '@forge/monarch';
import type { ServiceEvent } from './events.ts';
import type { Service } from './handle.ts';
import type { ServiceOptions } from './options.ts';
import { processGpus } from './replicas/gpus.ts';
import { type Blueprint, launch } from './replicas/launch.ts';
import { ReplicaSet } from './replicas/replica-set.ts';
import { serviceHandle } from './service-handle.ts';

/** What a service is made of. */
export interface ServiceBlueprint<T extends Actor, Args extends readonly unknown[], Procs extends number>
  extends Blueprint<T, Args, Procs> {
  readonly options: ServiceOptions<T, Procs>;
}

/**
 * Starts every replica and waits until all are healthy.
 *
 * @throws {GpusUnavailableError} when there are too few GPUs.
 * @throws {ActorError | MeshFailure} when a replica does not start; none is left then.
 */
export async function startService<T extends Actor, Args extends readonly unknown[], Procs extends number>(
  blueprint: ServiceBlueprint<T, Args, Procs>,
): Promise<Service<T>> {
  const { options, actor } = blueprint;
  const { numReplicas = 1, procs = 1, meshName = actor.name, restart, onReplicaStart, onEvent } = options;
  const gpus = options.withGpus ? (options.gpus ?? processGpus()).take(numReplicas * procs) : undefined;
  let endpoints: ReadonlyMap<string, EndpointCard> = new Map();
  const replicas = new ReplicaSet({
    name: meshName,
    numReplicas,
    restart,
    clock: options.clock ?? systemClock,
    maxConcurrency: options.replicaMaxConcurrentRequests ?? 10,
    maxQueued: options.maxQueuedRequests ?? 1024,
    waitForHealthyMs: options.waitForHealthyMs ?? 5_000,
    start: async (index, lost) => {
      const gpuIds = gpus?.ids.slice(index * procs, (index + 1) * procs) ?? [];
      const launched = await launch(blueprint, { name: `${meshName}_${index}`, index, gpuIds, lost });
      endpoints = launched.endpoints;
      return launched;
    },
    catchUp: async ({ index, restarts }, { mesh }) => void (await onReplicaStart?.({ index, restarts, mesh })),
    // Later, so that what a listener does or throws never comes between a change and its consequences.
    emit: (event: ServiceEvent) => onEvent && queueMicrotask(() => onEvent(event)),
  });
  try {
    await replicas.start();
    return serviceHandle<T>(replicas, endpoints, () => gpus?.release());
  } catch (error) {
    await replicas.shutdown(0);
    gpus?.release();
    throw error;
  }
}
