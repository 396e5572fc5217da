import { Actor, type ActorClass, adoptMesh, type OwnedMesh } from '@forge/monarch';
import type { Service } from './handle.ts';
import { checkActorOptions, checkOptions, type ProcDims, type ServiceOptions } from './options.ts';
import { GpuPool, processGpus } from './replicas/gpus.ts';
import { launch } from './replicas/launch.ts';
import { startService } from './service.ts';

/** An actor class with options, ready to be started as often as wanted; every start stands alone. */
export interface Launcher<T, Args extends readonly unknown[], Procs extends number> {
  /**
   * Starts replicas, each with its own processes, and waits until all are healthy. The arguments go to the constructor
   * of every actor. The caller owns them: `shutdown()` or `await using` ends them.
   *
   * @throws {GpusUnavailableError} when there are too few GPUs.
   * @throws {ReplicaStartError} when replicas do not start; none is left then.
   */
  asService(...args: Args): Promise<Service<T, Args>>;
  /**
   * Starts one mesh on processes of its own. `stop()` or `await using` ends them with it; their failure climbs to the
   * caller's actor or ends the program.
   *
   * @throws {ServiceOptionsError} when an option would do nothing for a single mesh.
   * @throws {GpusUnavailableError} when there are too few GPUs.
   * @throws {ActorError | MeshFailure} when it does not start; nothing is left then.
   */
  asActor(...args: Args): Promise<OwnedMesh<T, ProcDims<Procs>>>;
}

function launcher<T extends Actor, Args extends readonly unknown[], Procs extends number>(
  actor: ActorClass<T, Args>,
  options: ServiceOptions<T, Procs>,
): Launcher<T, Args, Procs> {
  checkOptions(options);
  return {
    asService: async (...args) => await startService({ actor, args, options }),
    asActor: async (...args) => {
      checkActorOptions(options);
      const { procs = 1, withGpus = false, meshName = actor.name } = options;
      const { gpus: pools = processGpus() } = options;
      const pool = pools instanceof GpuPool ? pools : pools[0];
      const gpus = withGpus ? pool?.take(procs) : undefined;
      try {
        const launched = await launch({ actor, args, options }, { name: meshName, host: 0, gpuIds: gpus?.ids ?? [] });
        return adoptMesh(launched.mesh, async () => {
          await launched.stop();
          gpus?.release();
        });
      } catch (error) {
        gpus?.release();
        throw error;
      }
    },
  };
}

/**
 * An actor that starts on processes of its own, alone or replicated as a service.
 *
 * ```ts
 * await using policy = await Generator.options({ numReplicas: 4, procs: 1 }).asService({ model });
 * const completions = await policy.generate.route(prompt);
 * ```
 *
 * Source: TorchForge `forge/controller/actor.py`, `ForgeActor`.
 */
export abstract class ForgeActor extends Actor {
  /** The class with options; the class itself stays as it is. @throws {ServiceOptionsError} */
  static options<T extends ForgeActor, Args extends readonly unknown[], const Procs extends number = 1>(
    this: ActorClass<T, Args>,
    options: ServiceOptions<T, Procs>,
  ): Launcher<T, Args, Procs> {
    // biome-ignore lint/complexity/noThisInStatic: the class it is called on is the actor
    return launcher(this, options);
  }

  /** Starts it as a service of one replica of one process. */
  static async asService<T extends ForgeActor, Args extends readonly unknown[]>(
    this: ActorClass<T, Args>,
    ...args: NoInfer<Args>
  ): Promise<Service<T, Args>> {
    // biome-ignore lint/complexity/noThisInStatic: the class it is called on is the actor
    return await launcher<T, Args, 1>(this, {}).asService(...args);
  }

  /** Starts it as one actor on a process of its own. */
  static async asActor<T extends ForgeActor, Args extends readonly unknown[]>(
    this: ActorClass<T, Args>,
    ...args: NoInfer<Args>
  ): Promise<OwnedMesh<T, never>> {
    // biome-ignore lint/complexity/noThisInStatic: the class it is called on is the actor
    return await launcher<T, Args, 1>(this, {}).asActor(...args);
  }
}
