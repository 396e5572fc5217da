import {
  type Actor,
  type ActorClass,
  type ActorMesh,
  type CallOptions,
  detached,
  endpointsOfMesh,
  type HostMesh,
  type Replies,
  type Selection,
  thisHost,
} from '@forge/monarch';
import type { ActorOptions, ProcDims } from '../options.ts';
import type { Incarnation } from './incarnation.ts';

/** An actor class with everything its processes are started with. */
export interface Blueprint<T extends Actor, Args extends readonly unknown[], Procs extends number> {
  readonly actor: ActorClass<T, Args>;
  readonly args: Args;
  readonly options: ActorOptions<Procs>;
}

/** What one launch of a blueprint has of its own. */
export interface LaunchPlace {
  readonly name: string;
  /** The machine, by its rank among the hosts. */
  readonly host: number;
  /** One for each process, or none. */
  readonly gpuIds: readonly string[];
  /** Takes over the failures of the processes; without it they climb to the owner. */
  readonly lost?: (cause: unknown) => void;
  /** Ends a launch that is under way. */
  readonly signal?: AbortSignal;
}

/** Actors on processes of their own, which end together. */
export interface Launched<T, Procs extends number> extends Omit<Incarnation, 'catchUp' | 'check'> {
  readonly mesh: ActorMesh<T, ProcDims<Procs>>;
}

interface Callable {
  with(options: CallOptions): Callable;
  call(...args: readonly unknown[]): Replies<unknown, string>;
  callOne(...args: readonly unknown[]): Promise<unknown>;
}

interface Streamable {
  with(options: CallOptions): Streamable;
  stream(...args: readonly unknown[]): AsyncIterable<RankItem>;
}

interface RankItem {
  readonly point: { readonly rank: number };
  readonly value: unknown;
}

/** The items of rank 0; those of the others are taken, too, so that nobody waits. */
async function* ofFirstRank(items: AsyncIterable<RankItem>): AsyncGenerator<unknown, undefined> {
  for await (const { point, value } of items) if (point.rank === 0) yield value;
  return undefined;
}

function hostOf(hosts: HostMesh<string> | undefined, rank: number): HostMesh<string> {
  if (!hosts) return thisHost();
  const point = hosts.extent.point(rank);
  const at = (label: string) => [label, point.at(label)] as const;
  const selection: Selection<string> = Object.fromEntries(hosts.extent.labels.map(at));
  return hosts.slice(selection);
}

/** Starts processes and spawns the actors on them; when that fails, nothing is left. */
export async function launch<T extends Actor, Args extends readonly unknown[], Procs extends number>(
  { actor, args, options }: Blueprint<T, Args, Procs>,
  { name, host, gpuIds, lost, signal }: LaunchPlace,
): Promise<Launched<T, Procs>> {
  const { procs = 1, hosts, kind = 'process', env = {} } = options;
  const group = await hostOf(hosts, host).spawnProcs({
    perHost: procs === 1 ? {} : { procs },
    kind,
    name,
    env: gpuIds.length === 0 ? env : ({ rank }) => ({ ...env, CUDA_VISIBLE_DEVICES: gpuIds[rank] ?? '' }),
    ...(lost && {
      supervise: (failure) => {
        lost(failure);
        return true;
      },
    }),
  });
  const stop = async () => await group.stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    signal?.throwIfAborted();
    const mesh = await group.spawn(name, actor, ...args);
    return {
      // One process has no dimension, several have `procs`: what ProcDims says.
      mesh: mesh as unknown as ActorMesh<T, ProcDims<Procs>>,
      endpoints: endpointsOfMesh(mesh),
      call: (endpoint, callArgs, callOptions) => {
        // Only names of unary endpoints get here: the handle of the service has no others.
        const named: Callable = Reflect.get(mesh as object, endpoint);
        const callable = callOptions ? named.with(callOptions) : named;
        // Requests wait in a queue, so this may run on behalf of another one: their own limits cancel them.
        if (procs === 1) return detached(() => callable.callOne(...callArgs));
        return detached(async () => {
          const [first] = (await callable.call(...callArgs).failFast()).values();
          return first;
        });
      },
      stream: (endpoint, callArgs, callOptions) => {
        // Only names of stream endpoints get here.
        const named: Streamable = Reflect.get(mesh as object, endpoint);
        const items = (callOptions ? named.with(callOptions) : named).stream(...callArgs);
        const opened = detached(() => items[Symbol.asyncIterator]());
        return ofFirstRank({ [Symbol.asyncIterator]: () => opened });
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
