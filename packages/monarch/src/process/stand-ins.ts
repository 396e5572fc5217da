/** A class as other processes find it. */
export interface ClassName {
  /** URL of the module that exports it under its name. */
  readonly module: string;
  readonly name: string;
}

/** A class, and the one that is spawned in its place. */
export interface StandIn {
  readonly real: ClassName;
  readonly mock: ClassName;
}

/** Classes that a process spawns in place of others: the latest for a class counts. */
export class StandIns {
  #inherited: readonly StandIn[] = [];
  readonly #own = new Set<StandIn>();

  /** Those that processes started from here take over. */
  get list(): readonly StandIn[] {
    return [...this.#inherited, ...this.#own];
  }

  /** Adds one; the returned function takes it back. */
  add(standIn: StandIn): () => void {
    this.#own.add(standIn);
    return () => void this.#own.delete(standIn);
  }

  /** Takes over those of the process that started this one, in place of what was taken over before. */
  inherit(list: readonly StandIn[]): void {
    this.#inherited = list;
  }

  /** What to spawn for a class. A stand-in has none itself. */
  for(type: ClassName): ClassName {
    return this.list.findLast(({ real }) => real.module === type.module && real.name === type.name)?.mock ?? type;
  }
}
