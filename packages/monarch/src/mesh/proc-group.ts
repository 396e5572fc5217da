import { AsyncLocalStorage } from 'node:async_hooks';
import { MeshFailure, OwnershipError, reasonText } from '../errors.ts';
import type { Loss } from '../process/peer.ts';
import type { GroupLog } from '../seeing/group-log.ts';
import type { Owned, Owner } from '../supervision/owner.ts';
import type { RestartPolicy } from '../supervision/restart.ts';
import type { NamedExtent } from './extent.ts';
import type { HostMesh } from './host-mesh.ts';
import type { SpawnedMesh } from './spawned-mesh.ts';

/** One process of a group, as its owner holds it. */
export interface Proc {
  readonly node: string;
  /** It is not started again, when it is lost from now on or was before. */
  giveUp(): void;
  /** Waits until everything that it has printed so far has been read here. */
  flushLogs(): Promise<void>;
  /** `isStuck`: its actors had their time to stop. */
  stop(reason: string, isStuck: boolean): Promise<void>;
  /** @throws {ModuleRefusedError} when its machine does not load the module of an actor class. @default every module */
  readonly checkModule?: (module: string) => void;
}

/** A process that is none of its own: the actors share the one that spawns them. */
export function inlineProc(node: string): Proc {
  return { node, giveUp: () => {}, flushLogs: async () => {}, stop: async () => {} };
}

/** Sees failures before the owner does; `true`: handled. */
export type Supervise = (failure: MeshFailure) => boolean | Promise<boolean>;

/** What makes a group. */
export interface ProcGroupOptions {
  readonly name: string;
  readonly extent: NamedExtent<string>;
  readonly owner: Owner;
  readonly log: GroupLog;
  readonly supervise?: Supervise | undefined;
  readonly restart?: RestartPolicy | undefined;
  /** Where its processes are. @default the machine of this process */
  readonly hosts?: HostMesh<string> | undefined;
  /** Its processes were started, and are stopped, by somebody else. @default false */
  readonly isReference?: boolean;
}

/** Processes that were started together, as their owner holds them. */
export class ProcGroup implements Owned {
  readonly name: string;
  readonly extent: NamedExtent<string>;
  readonly procs: Proc[] = [];
  /** Spawned on these processes and not stopped. */
  readonly meshes = new Set<SpawnedMesh>();
  readonly owner: Owner;
  readonly log: GroupLog;
  readonly hosts: HostMesh<string> | undefined;
  /** How often its processes are started again. @default never */
  readonly restart: RestartPolicy | undefined;
  /** Its processes belong to somebody else. */
  readonly isReference: boolean;
  readonly #supervise: Supervise | undefined;
  // What `supervise` starts belongs to whoever started the group.
  readonly #onBehalf = AsyncLocalStorage.snapshot();
  #stopped: Promise<void> | undefined;

  constructor({ name, extent, owner, log, supervise, restart, hosts, isReference = false }: ProcGroupOptions) {
    if (owner.ended !== undefined) throw new OwnershipError(`${owner.name} cannot start ${name}: ${owner.ended}`);
    this.name = name;
    this.extent = extent;
    this.owner = owner;
    this.log = log;
    this.hosts = hosts;
    this.restart = restart;
    this.isReference = isReference;
    this.#supervise = supervise;
  }

  /** The name that its log lines carry: its own, or else that of the first mesh on it. */
  label = '';

  /** A process of it that is lost is started again. */
  get isRestartable(): boolean {
    return this.restart !== undefined;
  }

  get isStopped(): boolean {
    return this.#stopped !== undefined;
  }

  /** Stops the actors on it, then the processes. */
  async stop(reason = 'by its owner.'): Promise<void> {
    this.#stopped ??= this.#stop(reason);
    await this.#stopped;
  }

  /** A process is lost: the failures to tell with their owners; its own when nothing was spawned there. */
  lose(rank: number, loss: Loss): readonly (readonly [MeshFailure, Owner])[] {
    if (this.isStopped) return [];
    const failures = [...this.meshes].flatMap((mesh) => {
      const failure = mesh.lose(rank, loss);
      return failure === undefined ? [] : [[failure, mesh.owner] as const];
    });
    if (failures.length > 0) return failures;
    return [[new MeshFailure({ mesh: this.name, points: [this.extent.point(rank)], ...loss }), this.owner]];
  }

  /** The highest number of an actor that is made again on `rank`. */
  lastActor(rank: number): number {
    return Math.max(0, ...[...this.meshes].map((mesh) => mesh.actorAt(rank)));
  }

  /** Another process took the place of `rank`: makes there the actors that were on it, in the order of their spawn. */
  async remake(rank: number): Promise<void> {
    for (const mesh of [...this.meshes]) await mesh.remake(rank);
  }

  /** Tells a failure: first to `supervise` of this group, then to the owner. */
  async raise(failure: MeshFailure, owner: Owner): Promise<void> {
    let told = failure;
    try {
      if (await this.#onBehalf(async () => await this.#supervise?.(failure))) return;
    } catch (error) {
      const { mesh, points, kind, process, chain } = failure;
      const problem = `failed, and supervise of ${this.name} threw: ${reasonText(error)}`;
      const cause = new AggregateError([error, failure], problem);
      told = new MeshFailure({ mesh, points, kind, process, chain, problem, cause });
    }
    await owner.supervise(told);
  }

  async #stop(reason: string): Promise<void> {
    for (const proc of this.procs) proc.giveUp();
    let isStuck = false;
    for (const mesh of [...this.meshes].reverse()) {
      // One that does not answer for one mesh does not for the next.
      await (isStuck ? mesh.stop(reason, 0) : mesh.stop(reason));
      isStuck ||= mesh.isStuck;
    }
    await Promise.all(this.procs.map(async (proc) => await proc.stop(reason, isStuck)));
    this.owner.owned.delete(this);
  }
}
