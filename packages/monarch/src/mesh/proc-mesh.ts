import type { Actor, ActorClass } from '../actor/actor.ts';
import { OwnershipError } from '../errors.ts';
import { currentOwner, program } from '../program/current-program.ts';
import type { LogLine, LogOptions, ReadLogsOptions } from '../seeing/log-line.ts';
import { checkPolicy } from '../supervision/restart.ts';
import { makeReferable } from '../wire/referable.ts';
import { extentOf, type NamedExtent, type Shaped } from './extent.ts';
import type { OwnedMesh } from './handle.ts';
import { type HostMesh, thisHost } from './host-mesh.ts';
import { inlineProc, ProcGroup } from './proc-group.ts';
import type { Names, PartSizes, Parts, Renamed, Split } from './reshape.ts';
import { type Kept, type Selection, select } from './selection.ts';
import { type SpawnOptions, spawnActors } from './spawned-mesh.ts';

/** Processes with named dimensions, on which actors are spawned. */
export interface ProcMesh<D extends string> extends Shaped<D>, AsyncDisposable {
  /**
   * Spawns one actor on each process and waits for its `setup`. The caller owns them. The promise itself may be sent in a
   * message before it has settled, and arrives as a promise of a reference.
   *
   * @throws {ActorClassError} when other processes could not find the class.
   * @throws {ActorError} when a constructor or setup throws; nothing of the mesh is left then.
   * @throws {MeshFailure} when a process is gone.
   */
  spawn<T extends Actor, Args extends readonly unknown[]>(
    name: string,
    actor: ActorClass<T, Args>,
    ...args: Args
  ): Promise<OwnedMesh<T, D>>;
  /** The same processes, on which meshes are spawned with options. @throws {RangeError} when a number makes no sense. */
  with(options: SpawnOptions): ProcMesh<D>;
  /** A view on some of the processes. Only the whole mesh can be stopped. */
  slice<const S extends Selection<D>>(selection: S): ProcMesh<Kept<D, S>>;
  flatten<const N extends string>(name: N): ProcMesh<N>;
  split<const P extends Parts<D>>(parts: P, sizes?: PartSizes<D, P>): ProcMesh<Split<D, P>>;
  rename<const N extends Names<D>>(names: N): ProcMesh<Renamed<D, N>>;
  readonly hosts: HostMesh<string>;
  /**
   * The lines that these processes print, and those that they start, from now until none of them
   * runs or will be started again. A reader that
   * leaves more than 10,000 lines unread loses the oldest, and is told how many.
   *
   * @throws {RangeError} on options that are out of range.
   */
  logs(options?: ReadLogsOptions): AsyncIterableIterator<LogLine, undefined>;
  /** Changes how their lines are printed, for the whole mesh. Lines that a window holds are printed first. @throws {RangeError} */
  setLogs(options: LogOptions): void;
  /** Waits until everything that these processes have printed so far is printed here, or in the hands of who reads it. */
  flushLogs(): Promise<void>;
  /** Stops the actors on these processes, then the processes. @throws {OwnershipError} on a slice or a reference. */
  stop(reason?: string): Promise<void>;
}

/** The process that runs this code. Actors spawned on it share its event loop. */
export function thisProc(): ProcMesh<never> {
  const extent = extentOf<never>({});
  const group = new ProcGroup({
    name: 'this process',
    extent,
    owner: currentOwner('thisProc()'),
    log: program().openLog(),
  });
  group.procs.push(inlineProc(program().process.id));
  return new ProcView(group, extent, [0]);
}

/** A group of processes, or a slice of one. */
export class ProcView<D extends string> implements ProcMesh<D> {
  readonly extent: NamedExtent<D>;
  readonly #group: ProcGroup;
  readonly #ranks: readonly number[];
  readonly #options: SpawnOptions;

  constructor(group: ProcGroup, extent: NamedExtent<D>, ranks: readonly number[], options: SpawnOptions = {}) {
    this.#group = group;
    this.extent = extent;
    this.#ranks = ranks;
    this.#options = options;
    makeReferable(this, () => {
      const { name, label } = group;
      return { kind: 'procs', data: { name: label || name, extent, nodes: this.nodes, hosts: this.hosts } };
    });
  }

  get length(): number {
    return this.extent.size;
  }

  /** Ids of the processes. */
  get nodes(): readonly string[] {
    return this.#ranks.map((rank) => this.#group.procs[rank]!.node);
  }

  get hosts(): HostMesh<string> {
    return this.#group.hosts ?? thisHost();
  }

  spawn<T extends Actor, Args extends readonly unknown[]>(
    name: string,
    actor: ActorClass<T, Args>,
    ...args: Args
  ): Promise<OwnedMesh<T, D>> {
    return program().process.promises.sendable(this.#spawn(name, actor, args));
  }

  async #spawn<T extends Actor, Args extends readonly unknown[]>(
    name: string,
    actor: ActorClass<T, Args>,
    args: Args,
  ): Promise<OwnedMesh<T, D>> {
    const { process } = program();
    const group = this.#group;
    if (group.isStopped) throw new OwnershipError(`${name} cannot be spawned: ${group.name} was stopped.`);
    if (group.label === '') group.label = name;
    const place = { group, ranks: this.#ranks, extent: this.extent };
    // Arguments were checked against the constructor by this signature; from here on they are data.
    const type = actor as unknown as ActorClass<Actor, readonly unknown[]>;
    const owner = currentOwner('spawn');
    // The handle answers to exactly the endpoints of T.
    return (await spawnActors(process, owner, { name, type, args, place, ...this.#options })) as OwnedMesh<T, D>;
  }

  with(options: SpawnOptions): ProcMesh<D> {
    checkPolicy(options.restart ?? {});
    return new ProcView(this.#group, this.extent, this.#ranks, { ...this.#options, ...options });
  }

  slice<const S extends Selection<D>>(selection: S): ProcMesh<Kept<D, S>> {
    const { extent, ranks } = select(this.extent, selection);
    // `select` drops exactly the dimensions that Kept<D, S> drops.
    const kept = extent as NamedExtent<Kept<D, S>>;
    return new ProcView(
      this.#group,
      kept,
      ranks.map((rank) => this.#ranks[rank]!),
      this.#options,
    );
  }

  flatten<const N extends string>(name: N): ProcMesh<N> {
    return new ProcView(this.#group, this.extent.flatten(name), this.#ranks, this.#options);
  }

  split<const P extends Parts<D>>(parts: P, sizes?: PartSizes<D, P>): ProcMesh<Split<D, P>> {
    return new ProcView(this.#group, this.extent.split(parts, sizes), this.#ranks, this.#options);
  }

  rename<const N extends Names<D>>(names: N): ProcMesh<Renamed<D, N>> {
    return new ProcView(this.#group, this.extent.rename(names), this.#ranks, this.#options);
  }

  logs(options: ReadLogsOptions = {}): AsyncIterableIterator<LogLine, undefined> {
    this.#requireOwned('read');
    return this.#group.log.read(this.#ranks, options);
  }

  setLogs(options: LogOptions): void {
    this.#requireOwned('set');
    this.#group.log.set(options);
  }

  async flushLogs(): Promise<void> {
    await Promise.all(this.#ranks.map(async (rank) => await this.#group.procs[rank]?.flushLogs()));
    this.#group.log.flush();
  }

  #requireOwned(what: 'read' | 'set'): void {
    if (!this.#group.isReference) return;
    throw new OwnershipError(`The lines of ${this.#group.name} are ${what} by its owner: this is a reference.`);
  }

  async stop(reason?: string): Promise<void> {
    if (this.#group.isReference) {
      throw new OwnershipError(`${this.#group.name} is a reference instead of owned. Its owner stops it.`);
    }
    if (this.#ranks.length !== this.#group.extent.size) {
      throw new OwnershipError(`A slice of ${this.#group.name} cannot be stopped. Stop the whole mesh.`);
    }
    await this.#group.stop(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
