import { ActorError, MeshFailure, OwnershipError, reasonText } from '../errors.ts';
import { type AnyActorClass, classToSpawn } from '../process/actor-classes.ts';
import type { Constructed, Construction, Restart } from '../process/construction.ts';
import type { LocalProcess } from '../process/local-process.ts';
import type { Loss } from '../process/peer.ts';
import type { MeshReference } from '../references/mesh-reference.ts';
import { Lives } from '../supervision/lives.ts';
import type { Owned, Owner } from '../supervision/owner.ts';
import type { RestartPolicy } from '../supervision/restart.ts';
import { within } from '../time/deadline.ts';
import { meshHandle } from './actor-mesh.ts';
import type { Point } from './extent.ts';
import type { ProcGroup } from './proc-group.ts';
import { Roster, type SpawnPlace } from './roster.ts';

/** What makes a mesh. */
export interface SpawnedMeshOptions extends SpawnOptions {
  readonly name: string;
  readonly place: SpawnPlace;
}

/** How a mesh is spawned. */
export interface SpawnOptions {
  /** Actors that fail are constructed anew, with the same arguments. @default never */
  readonly restart?: RestartPolicy;
}

/** What every actor of a mesh is made of. */
interface Plan {
  readonly construction: Construction;
  readonly args: readonly unknown[];
}

/** Time for actors to stop: for their messages, for what they own, and for their cleanup. */
const STOP_MS = 9_000;

/** A mesh of actors as its owner holds it. */
export class SpawnedMesh implements Owned {
  readonly name: string;
  readonly owner: Owner;
  /** It was stopped, but a process of it did not say in time that its actor has ended. */
  isStuck = false;
  readonly #process: LocalProcess;
  readonly #roster: Roster;
  readonly #policy: RestartPolicy | undefined;
  readonly #uid: string;
  /** The same for all ranks. */
  #endpoints: Constructed['endpoints'] = {};
  #methods: Constructed['methods'] = [];
  /** Kept where actors may be made anew. */
  #plan: Plan | undefined;
  #isRunning = false;
  /** The first failure of an actor while others are still set up: spawn rejects with it. */
  #early: MeshFailure | undefined;
  /** Made with the first failure. */
  #lives: Lives | undefined;
  #constructing: Promise<unknown> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(process: LocalProcess, owner: Owner, { name, place, restart }: SpawnedMeshOptions) {
    if (owner.ended !== undefined) {
      throw new OwnershipError(`${owner.name} cannot spawn ${name}: ${owner.ended}`);
    }
    this.name = name;
    this.owner = owner;
    this.#process = process;
    this.#roster = new Roster(process, name, place);
    this.#policy = restart;
    this.#uid = `${process.id}:${process.count()}`;
    process.addMesh(this.#uid, this);
    place.group.meshes.add(this);
    owner.owned.add(this);
  }

  /**
   * Constructs every actor, then sets every actor up. Any error stops what there is and is thrown.
   *
   * @throws {ActorError | MeshFailure | ActorClassError}
   */
  async start(type: AnyActorClass, args: readonly unknown[]): Promise<object> {
    const { module, name: className } = type;
    const isRestartable = this.#policy !== undefined;
    const construction: Construction = { mesh: this.#uid, name: this.name, module, className, isRestartable };
    try {
      const payload = this.#process.encode([construction, args]);
      if (isRestartable || this.#group.isRestartable) {
        // As they are now: what becomes of them later is not what was spawned. The inverse of what `encode` took.
        const [, kept] = this.#process.exchange.decode(payload) as readonly [unknown, readonly unknown[]];
        this.#plan = { construction, args: kept };
      }
      const constructing = this.#roster.points().map(async (point) => {
        // The agent answers with what `construct` returns.
        const made = (await this.#roster.ask(point, 'constructor', payload)) as Constructed;
        this.#roster.set(point.rank, made.actor);
        if (point.rank === 0) [this.#endpoints, this.#methods] = [made.endpoints, made.methods];
      });
      this.#constructing = Promise.allSettled(constructing);
      await allOrFirstError(constructing);
      this.#constructing = undefined;
      this.#checkNotStopped();
      await allOrFirstError(this.#roster.points().map(async (point) => await this.#setUp(point)));
      this.#checkNotStopped();
      if (this.#early !== undefined) throw this.#early;
      this.#isRunning = true;
    } catch (error) {
      await this.stop('it could not be spawned.');
      throw error instanceof ActorError && isClassError(error.cause) ? error.cause : error;
    }
    return meshHandle(this.#process, this.#reference(), { stop: async (reason) => await this.stop(reason) });
  }

  /** Stops every actor in order, in bounded time. Calls sent from here from now on reject at once. */
  async stop(reason = 'by its owner.', limitMs = STOP_MS): Promise<void> {
    this.#stopped ??= this.#stop(reason, limitMs);
    await this.#stopped;
  }

  /** An actor of it has failed. */
  failed(rank: number, failure: MeshFailure): void {
    if (this.#roster.get(rank) === undefined || this.#stopped !== undefined) return;
    if (this.#isRunning) this.#life().failed(rank, failure);
    else this.#early ??= failure;
  }

  /** The process of `groupRank` is lost, and its actors with it: the failure to tell, if it is news. */
  lose(groupRank: number, loss: Loss): MeshFailure | undefined {
    const rank = this.#roster.rankOf(groupRank);
    if (this.#roster.get(rank) === undefined) return undefined;
    const points = [this.#roster.point(rank)];
    const generation = this.#lives?.generation(rank) ?? 0;
    const failure = new MeshFailure({ mesh: this.name, points, generation, ...loss });
    if (!this.#isRunning) this.#early ??= failure;
    if (!this.#isRunning || !this.#life().lost(rank, failure)) return undefined;
    if (!failure.restarting) this.#roster.target(rank).failure ??= failure;
    return failure;
  }

  /** A process is lost that somebody else started. */
  processLost(node: string, loss: Loss): void {
    const group = this.#group;
    if (!group.isReference) return;
    group.procs.forEach((proc, rank) => {
      if (proc.node !== node) return;
      // Whoever started it may start another; what was spawned on it from here is not made there again.
      const failure = this.lose(rank, { ...loss, restarting: false });
      // A process that its owner stopped has not failed: calls say that it was stopped.
      if (failure !== undefined && loss.kind !== 'aborted') void group.raise(failure, this.owner);
    });
  }

  /** Makes its actor anew in the process that took the place of that of `groupRank`. */
  async remake(groupRank: number): Promise<void> {
    const rank = this.#roster.rankOf(groupRank);
    if (rank >= 0 && this.#isRunning && this.#stopped === undefined) await this.#life().remake(rank);
  }

  /** The highest number of its actors in the process of `groupRank`. */
  actorAt(groupRank: number): number {
    return this.#roster.get(this.#roster.rankOf(groupRank)) ?? 0;
  }

  #life(): Lives {
    this.#lives ??= new Lives(this.#process.platform, this.#policy, {
      make: async (rank, generation) => {
        const point = this.#roster.point(rank);
        // A plan is kept for every mesh whose actors are made anew.
        const { construction, args } = this.#plan!;
        const restart: Restart = { actor: this.#roster.actor(rank), generation };
        await this.#roster.ask(point, 'restart', this.#process.encode([construction, args, restart]));
      },
      notMade: (rank, generation, cause) => {
        const points = [this.#roster.point(rank)];
        const problem = `could not be restarted: ${reasonText(cause)}`;
        return new MeshFailure({ mesh: this.name, points, kind: 'setup', generation, problem, cause });
      },
      giveUp: (rank, failure) => {
        this.#roster.target(rank).failure = failure;
        if (this.#plan === undefined) return;
        const [point] = failure.points;
        if (point !== undefined)
          this.#roster.ask(point, 'bury', this.#process.encode([this.#roster.actor(rank), failure])).catch(() => {});
      },
      tell: (failure) => void this.#group.raise(failure, this.owner),
    });
    return this.#lives;
  }

  async #stop(reason: string, limitMs: number): Promise<void> {
    await this.#constructing;
    await this.#lives?.stop();
    const stopping = this.#roster.points().map(async (point) => {
      const actor = this.#roster.get(point.rank);
      if (actor === undefined) return;
      const target = this.#roster.target(point.rank);
      // Nothing is there while a process is restarted, and a mesh that is stopped is not made again.
      if (target.loss?.restarting === true) return;
      const asked = this.#roster.ask(point, 'stop', this.#process.encode([actor, reason]));
      const problem = `was stopped: ${reason}`;
      target.failure ??= new MeshFailure({ mesh: this.name, points: [point], kind: 'aborted', problem });
      await asked;
    });
    // An actor whose process is gone is stopped, too.
    this.isStuck = !(await within(this.#process.clock, limitMs, Promise.allSettled(stopping)));
    this.#process.removeMesh(this.#uid);
    this.#group.meshes.delete(this);
    this.owner.owned.delete(this);
  }

  #checkNotStopped(): void {
    if (this.#stopped !== undefined) throw new OwnershipError(`${this.name} was stopped while it was spawned.`);
  }

  #reference(): MeshReference {
    const { extent } = this.#roster.place;
    const addresses = this.#roster.addresses();
    const [endpoints, methods] = [this.#endpoints, this.#methods];
    return { name: this.name, whole: extent, extent, addresses, endpoints, methods };
  }

  get #group(): ProcGroup {
    return this.#roster.place.group;
  }

  async #setUp(point: Point<string>): Promise<void> {
    await this.#roster.ask(point, 'setup', this.#process.encode([this.#roster.actor(point.rank)]));
  }
}

/** Waits for all, also after an error, so that nothing is under way when it is told. */
async function allOrFirstError(work: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(work);
  await Promise.all(work);
}

function isClassError(cause: unknown): cause is Error {
  return cause instanceof Error && 'code' in cause && cause.code === 'ERR_MONARCH_CLASS';
}

/** Spawns an actor on each place. */
export async function spawnActors(
  process: LocalProcess,
  owner: Owner,
  { type, args, ...options }: SpawnedMeshOptions & { readonly type: AnyActorClass; readonly args: readonly unknown[] },
): Promise<object> {
  const actual = await classToSpawn(process, type);
  const { group, ranks } = options.place;
  for (const rank of ranks) group.procs[rank]?.checkModule?.(actual.module);
  return await new SpawnedMesh(process, owner, options).start(actual, args);
}
