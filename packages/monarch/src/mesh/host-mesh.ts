import { ExtentError, OptionError } from '../errors.ts';
import type { Machine } from '../hosts/machine.ts';
import { machineOf } from '../process/process-id.ts';
import { currentOwner, program } from '../program/current-program.ts';
import type { LogOptions } from '../seeing/log-line.ts';
import { checkPolicy, type RestartPolicy } from '../supervision/restart.ts';
import { makeReferable } from '../wire/referable.ts';
import { extentOf, type NamedExtent, type Point, type Shaped } from './extent.ts';
import { ProcGroup, type Supervise } from './proc-group.ts';
import { type ProcMesh, ProcView } from './proc-mesh.ts';
import type { Names, PartSizes, Parts, Renamed, Split } from './reshape.ts';
import { type Kept, type Selection, select } from './selection.ts';

/** Variables by name. */
export type Environment = Readonly<Record<string, string>>;

/** How to start processes. */
export interface SpawnProcsOptions<P extends Readonly<Record<string, number>>> {
  /** Dimensions of the processes of one host, in order. @default {}: one process */
  readonly perHost?: P;
  /** `inline`: no process at all; the actors share this process, with the same mailboxes and codec. @default 'process' */
  readonly kind?: 'inline' | 'process';
  /**
   * Added to the environment of each process, or what is added for the process at each point. An inline mesh has no
   * environment of its own. @default {}
   */
  readonly env?: Environment | ((point: Point<string>) => Environment);
  /** Stands in failures and before log lines. @default the name of the first mesh spawned */
  readonly name?: string;
  /**
   * Sees every failure of these processes, and of the meshes spawned on them, before the owner does. `true`: handled.
   * What it starts belongs to whoever called `spawnProcs`.
   */
  readonly supervise?: Supervise;
  /**
   * A process that is lost is started again, and the actors on it are made anew, with the same arguments. Each failure
   * is told to `supervise` and the owner as `restarting`; the one after the last restart climbs. @default never
   */
  readonly restart?: RestartPolicy;
  /** How lines that they print are printed here. @default all, similar ones of 100 ms as one */
  readonly logs?: LogOptions;
}

/** Machines with named dimensions, on which processes are started. */
export interface HostMesh<D extends string> extends Shaped<D>, AsyncDisposable {
  /**
   * Starts processes, all at the same time, and waits until each is ready. The caller owns them.
   *
   * @throws {MeshFailure} when one ends before it is ready; none is left then.
   */
  spawnProcs<const P extends Readonly<Record<string, number>> = Readonly<Record<never, number>>>(
    options?: SpawnProcsOptions<P>,
  ): Promise<ProcMesh<D | (keyof P & string)>>;
  /** A view on some of the machines. All shapes of it may be sent in messages, and arrive as references. */
  slice<const S extends Selection<D>>(selection: S): HostMesh<Kept<D, S>>;
  flatten<const N extends string>(name: N): HostMesh<N>;
  split<const P extends Parts<D>>(parts: P, sizes?: PartSizes<D, P>): HostMesh<Split<D, P>>;
  rename<const N extends Names<D>>(names: N): HostMesh<Renamed<D, N>>;
}

/** The machine that runs this code. Disposing it stops the processes started by this handle. */
export function thisHost(): HostMesh<never> {
  return new Host(extentOf<never>({}), new Set());
}

/** Machines that were attached. */
export interface AttachedMachines {
  /** In rank order. */
  readonly machines: readonly Machine[];
  /** Gives them back; for the mesh that was attached, not for slices of it. */
  readonly detach?: () => Promise<void>;
}

/** Machines as they stand in a mesh. */
export class Host<D extends string> implements HostMesh<D> {
  readonly extent: NamedExtent<D>;
  readonly #started: Set<ProcGroup>;
  readonly #attached: AttachedMachines | undefined;

  /** Without `attached` it is the machine of this process. */
  constructor(extent: NamedExtent<D>, started: Set<ProcGroup>, attached?: AttachedMachines) {
    this.extent = extent;
    this.#started = started;
    this.#attached = attached;
    makeReferable(this, () => {
      const { process } = program();
      const own = { id: machineOf(process.id), address: '', allow: [] };
      return {
        kind: 'hosts',
        data: { extent, machines: attached?.machines.map(({ reference }) => reference) ?? [own] },
      };
    });
  }

  get length(): number {
    return this.extent.size;
  }

  spawnProcs<const P extends Readonly<Record<string, number>> = Readonly<Record<never, number>>>(
    options?: SpawnProcsOptions<P>,
  ): Promise<ProcMesh<D | (keyof P & string)>> {
    return program().process.promises.sendable(this.#spawnProcs(options));
  }

  async #spawnProcs<const P extends Readonly<Record<string, number>> = Readonly<Record<never, number>>>({
    perHost,
    kind = 'process',
    env = {},
    name = '',
    supervise,
    restart,
    logs,
  }: SpawnProcsOptions<P> = {}): Promise<ProcMesh<D | (keyof P & string)>> {
    const sizes = extentOf<string>(perHost ?? {});
    const twice = sizes.labels.find((label) => (this.extent.labels as readonly string[]).includes(label));
    if (twice !== undefined) {
      throw new ExtentError(
        `perHost names the dimension '${twice}', which the hosts have already. Rename one of them.`,
      );
    }
    if (kind === 'inline' && this.#attached !== undefined) {
      throw new OptionError('kind', 'An inline mesh runs in this process: spawn it on thisHost().');
    }
    // The labels of the hosts, then those of P.
    const labels = [...this.extent.labels, ...sizes.labels] as (D | (keyof P & string))[];
    const extent = extentOf(
      // Built from exactly these labels.
      Object.fromEntries(labels.map((label, i) => [label, [...this.extent.sizes, ...sizes.sizes][i]])) as Record<
        D | (keyof P & string),
        number
      >,
    );
    checkPolicy(restart ?? {});
    const owner = currentOwner('spawnProcs');
    const group = new ProcGroup({
      name: name || 'procs',
      extent,
      owner,
      supervise,
      restart,
      log: program().openLog(logs),
      hosts: this.#attached && this,
    });
    group.label = name;
    owner.owned.add(group);
    for (const before of this.#started) if (before.isStopped) this.#started.delete(before);
    this.#started.add(group);
    const envs = [...extent.points()].map((point) => (typeof env === 'function' ? env(point) : env));
    await program().fill(group, kind, envs, this.#attached?.machines);
    return new ProcView(
      group,
      extent,
      Array.from({ length: extent.size }, (_, rank) => rank),
    );
  }

  slice<const S extends Selection<D>>(selection: S): HostMesh<Kept<D, S>> {
    const { extent, ranks } = select(this.extent, selection);
    const machines = this.#attached && ranks.map((rank) => this.#attached!.machines[rank]!);
    // `select` drops exactly the dimensions that Kept<D, S> drops.
    return new Host(extent as NamedExtent<Kept<D, S>>, this.#started, machines && { machines });
  }

  flatten<const N extends string>(name: N): HostMesh<N> {
    return new Host(this.extent.flatten(name), this.#started, this.#attached);
  }

  split<const P extends Parts<D>>(parts: P, sizes?: PartSizes<D, P>): HostMesh<Split<D, P>> {
    return new Host(this.extent.split(parts, sizes), this.#started, this.#attached);
  }

  rename<const N extends Names<D>>(names: N): HostMesh<Renamed<D, N>> {
    return new Host(this.extent.rename(names), this.#started, this.#attached);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const group of [...this.#started].reverse()) await group.stop();
    await this.#attached?.detach?.();
  }
}
