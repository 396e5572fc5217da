import { OwnershipError } from '../errors.ts';
import type { AgentMethodName } from '../process/agent.ts';
import type { LocalProcess } from '../process/local-process.ts';
import type { Target } from '../process/target.ts';
import type { Address } from '../references/mesh-reference.ts';
import type { Payload } from '../wire/codec.ts';
import type { NamedExtent, Point } from './extent.ts';
import type { ProcGroup } from './proc-group.ts';

/** Where to spawn: ranks of a group of processes, under the extent of a slice of it. */
export interface SpawnPlace {
  readonly group: ProcGroup;
  readonly ranks: readonly number[];
  readonly extent: NamedExtent<string>;
}

/** Where the actors of a mesh are, each by its rank there. */
export class Roster {
  readonly name: string;
  readonly place: SpawnPlace;
  readonly #process: LocalProcess;
  /** Number of each rank's actor in its process. */
  readonly #actors: (number | undefined)[];

  constructor(process: LocalProcess, name: string, place: SpawnPlace) {
    this.#process = process;
    this.name = name;
    this.place = place;
    this.#actors = place.ranks.map(() => undefined);
  }

  /** The actor of a rank was constructed. */
  set(rank: number, actor: number): void {
    this.#actors[rank] = actor;
  }

  /** The number of a rank's actor; `undefined` before it was constructed. */
  get(rank: number): number | undefined {
    return this.#actors[rank];
  }

  /** The number of a rank's actor. @throws {OwnershipError} before it was constructed */
  actor(rank: number): number {
    const actor = this.#actors[rank];
    if (actor === undefined) throw new OwnershipError(`${this.name}/${rank} was not constructed.`);
    return actor;
  }

  point(rank: number): Point<string> {
    return this.place.extent.point(rank);
  }

  points(): readonly Point<string>[] {
    return [...this.place.extent.points()];
  }

  /** The rank that is on `groupRank`; -1 when there is none. */
  rankOf(groupRank: number): number {
    return this.place.ranks.indexOf(groupRank);
  }

  /** What calls to the actor of a rank go by. */
  target(rank: number): Target {
    return this.#process.exchange.target(this.#node(rank), this.actor(rank)).current;
  }

  addresses(): readonly Address[] {
    return this.points().map(({ rank }) => [this.#node(rank), this.actor(rank), rank]);
  }

  /** Asks the process of a rank about its actor. */
  async ask({ rank }: Point<string>, method: AgentMethodName, payload: Payload): Promise<unknown> {
    const about = { mesh: this.name, point: this.point(rank) };
    return await this.#process.ask(this.#node(rank), about, method, payload);
  }

  #node(rank: number): string {
    const { group, ranks } = this.place;
    // Each rank stands on a process of the group.
    return group.procs[ranks[rank]!]!.node;
  }
}
