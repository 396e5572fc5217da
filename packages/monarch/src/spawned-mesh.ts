import { ActorError, MeshFailure, OwnershipError } from './errors.ts';
import { meshHandle } from './mesh/actor-mesh.ts';
import type { NamedExtent, Point } from './mesh/extent.ts';
import type { Owned, Owner } from './owner.ts';
import type { ProcGroup } from './proc-group.ts';
import { type AnyActorClass, type Constructed, type Construction, classToSpawn } from './process/agent.ts';
import type { LocalProcess } from './process/local-process.ts';
import type { Loss } from './process/peer.ts';
import type { Address, MeshReference } from './reference.ts';

/** Where to spawn: ranks of a group of processes, under the extent of a slice of it. */
export interface SpawnPlace {
  readonly group: ProcGroup;
  readonly ranks: readonly number[];
  readonly extent: NamedExtent<string>;
}

/** A mesh of actors as its owner holds it. */
export class SpawnedMesh implements Owned {
  readonly name: string;
  readonly #process: LocalProcess;
  readonly #owner: Owner;
  readonly #place: SpawnPlace;
  readonly #uid: string;
  /** Number of each rank's actor in its process. */
  readonly #actors: (number | undefined)[];
  /** The same for all ranks. */
  #endpoints: Constructed['endpoints'] = {};
  /** Ranks whose failure was told. */
  #failed: Set<number> | undefined;
  #isRunning = false;
  /** The first failure of an actor while others are still set up: spawn rejects with it. */
  #early: MeshFailure | undefined;
  #constructing: Promise<unknown> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(process: LocalProcess, owner: Owner, name: string, place: SpawnPlace) {
    if (owner.ended !== undefined) {
      throw new OwnershipError(`${owner.name} cannot spawn ${name}: ${owner.ended}`);
    }
    this.name = name;
    this.#process = process;
    this.#owner = owner;
    this.#place = place;
    this.#uid = `${process.id}:${process.count()}`;
    this.#actors = place.ranks.map(() => undefined);
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
    const construction: Construction = { mesh: this.#uid, name: this.name, module, className };
    try {
      const payload = this.#process.encode([construction, args]);
      const constructing = this.#points().map(async (point) => {
        // The agent answers with what `construct` returns.
        const made = (await this.#ask(point, 'constructor', payload).result) as Constructed;
        this.#actors[point.rank] = made.actor;
        if (point.rank === 0) this.#endpoints = made.endpoints;
      });
      this.#constructing = Promise.allSettled(constructing);
      await allOrFirstError(constructing);
      this.#checkNotStopped();
      const setups = this.#points().map(
        async (point) => await this.#ask(point, 'setup', this.#process.encode([this.#actor(point)])).result,
      );
      await allOrFirstError(setups);
      this.#checkNotStopped();
      if (this.#early !== undefined) throw this.#early;
      this.#isRunning = true;
    } catch (error) {
      await this.stop('it could not be spawned.');
      throw error instanceof ActorError && isClassError(error.cause) ? error.cause : error;
    }
    return meshHandle(this.#process, this.#reference(), { stop: async (reason) => await this.stop(reason) });
  }

  /** Stops every actor in order. Calls sent from here from now on reject at once. */
  async stop(reason = 'by its owner.'): Promise<void> {
    this.#stopped ??= this.#stop(reason);
    await this.#stopped;
  }

  /** An actor of it has failed; told once for each rank. */
  failed(rank: number, failure: MeshFailure): void {
    const actor = this.#actors[rank];
    if (actor === undefined || this.#stopped !== undefined || !this.#isNews(rank, failure)) return;
    // A call that was pending may have brought the news before.
    this.#process.exchange.target(this.#node(rank), actor).failure ??= failure;
    void this.#place.group.raise(failure, this.#owner);
  }

  /** The process of `groupRank` is lost, and its actors with it: the failure to tell, if an actor was there. */
  lose(groupRank: number, loss: Loss): MeshFailure | undefined {
    const rank = this.#place.ranks.indexOf(groupRank);
    const actor = this.#actors[rank];
    if (actor === undefined) return undefined;
    const failure = new MeshFailure({ mesh: this.name, points: [this.#place.extent.point(rank)], ...loss });
    if (!this.#isNews(rank, failure)) return undefined;
    this.#process.exchange.target(this.#node(rank), actor).failure ??= failure;
    return failure;
  }

  /** Whether a failure is to be told: it is the first of its rank, and nobody learns it from `start`. */
  #isNews(rank: number, failure: MeshFailure): boolean {
    if (!this.#isRunning) this.#early ??= failure;
    this.#failed ??= new Set();
    const isFirst = !this.#failed.has(rank);
    this.#failed.add(rank);
    return isFirst && this.#isRunning;
  }

  get owner(): Owner {
    return this.#owner;
  }

  async #stop(reason: string): Promise<void> {
    await this.#constructing;
    const stopping = this.#points().map(async (point) => {
      const actor = this.#actors[point.rank];
      if (actor === undefined) return;
      const asked = this.#ask(point, 'stop', this.#process.encode([actor, reason]));
      const target = this.#process.exchange.target(this.#node(point.rank), actor);
      const problem = `was stopped: ${reason}`;
      target.failure ??= new MeshFailure({ mesh: this.name, points: [point], kind: 'aborted', problem });
      await asked.result;
    });
    // An actor whose process is gone is stopped, too.
    await Promise.allSettled(stopping);
    this.#process.removeMesh(this.#uid);
    this.#place.group.meshes.delete(this);
    this.#owner.owned.delete(this);
  }

  #checkNotStopped(): void {
    if (this.#stopped !== undefined) throw new OwnershipError(`${this.name} was stopped while it was spawned.`);
  }

  #reference(): MeshReference {
    const { extent } = this.#place;
    const addresses = this.#points().map((point): Address => [this.#node(point.rank), this.#actor(point), point.rank]);
    return { name: this.name, whole: extent, extent, addresses, endpoints: this.#endpoints };
  }

  #points(): Point<string>[] {
    return [...this.#place.extent.points()];
  }

  #actor(point: Point<string>): number {
    const actor = this.#actors[point.rank];
    if (actor === undefined) throw new OwnershipError(`${this.name}/${point.rank} was not constructed.`);
    return actor;
  }

  #node(rank: number): string {
    const { group, ranks } = this.#place;
    return group.procs[ranks[rank]!]!.node;
  }

  #ask(point: Point<string>, method: string, payload: ReturnType<LocalProcess['encode']>) {
    return this.#process.ask(this.#node(point.rank), { mesh: this.name, point }, method, payload);
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
  { name, type, args, place }: { name: string; type: AnyActorClass; args: readonly unknown[]; place: SpawnPlace },
): Promise<object> {
  const actual = await classToSpawn(process, type);
  for (const rank of place.ranks) place.group.procs[rank]?.checkModule?.(actual.module);
  return await new SpawnedMesh(process, owner, name, place).start(actual, args);
}
