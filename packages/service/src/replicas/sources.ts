import type { Actor, EndpointCard } from '@forge/monarch';
import type { ServiceOptions } from '../options.ts';
import type { Prepare } from './fleet.ts';
import { type Blueprint, launch } from './launch.ts';
import type { Placement, Site } from './placement.ts';

/** What replicas of a service are made from. */
export interface ServiceBlueprint<T extends Actor, Args extends readonly unknown[], Procs extends number>
  extends Blueprint<T, Args, Procs> {
  readonly options: ServiceOptions<T, Procs>;
}

/** What replicas share. */
export interface Surrounding {
  readonly placement: Placement;
  /** Runs on behalf of whoever started the service: what is started belongs to them. */
  onBehalf<R>(task: () => R): R;
  /** Told what the actors of a replica can be asked. */
  launched(endpoints: ReadonlyMap<string, EndpointCard>): void;
}

/** Its machine cannot be reached; what it ran may run on, but nobody will know. */
const isUnreachable = (error: unknown) => error instanceof Error && 'kind' in error && error.kind === 'unreachable';

/** Makes replicas of a blueprint, each on its place. */
export function replicasOf<T extends Actor, Args extends readonly unknown[], Procs extends number>(
  blueprint: ServiceBlueprint<T, Args, Procs>,
  { placement, onBehalf, launched }: Surrounding,
): Prepare {
  const { actor, options } = blueprint;
  const { meshName = actor.name, onReplicaStart, health: { check } = {} } = options;
  return (index) => {
    let site: Site | undefined = placement.take();
    const noteLoss = (at: Site, cause: unknown) => {
      if (isUnreachable(cause)) placement.lost(at);
    };
    return {
      get host() {
        return site?.host;
      },
      start: async ({ restarts, signal, lost }) => {
        const before = site;
        site = undefined;
        const at = placement.take(before);
        site = at;
        const supervise = (cause: unknown) => {
          noteLoss(at, cause);
          lost(cause);
        };
        const place = {
          name: `${meshName}_${index}`,
          host: at.host,
          gpuIds: at.gpus?.ids ?? [],
          lost: supervise,
          signal,
        };
        try {
          const actors = await onBehalf(async () => await launch(blueprint, place));
          placement.found(at);
          launched(actors.endpoints);
          const started = { index, restarts, mesh: actors.mesh };
          return {
            ...actors,
            catchUp: async () => void (await onBehalf(async () => await onReplicaStart?.(started))),
            check: check && (() => onBehalf(() => check(started))),
          };
        } catch (error) {
          noteLoss(at, error);
          throw error;
        }
      },
      release: () => {
        if (site) placement.release(site);
      },
    };
  };
}
