import type { Part } from '../passes/parts.ts';
import type { NamedTensors, WeightSource } from '../passes/passes.ts';
import type { SpreadParameters } from './spread-parameters.ts';

interface Gathered {
  readonly weights: NamedTensors;
  /** One array for each kind of parameters. */
  readonly memory: readonly Float32Array[];
}

/**
 * Weights that are brought together from all ranks when they are needed, a part at a time, and let go of after it; the next
 * part comes while one is in use. Source: `fully_shard` of PyTorch.
 */
export class GatheredWeights implements WeightSource {
  readonly #kinds: readonly SpreadParameters[];
  readonly #gathered = new Map<Part, Promise<Gathered>>();
  readonly #free = new Map<number, Float32Array[]>();
  #numbersHeld = 0;

  /** @param kinds - parameters of all of which a part consists */
  constructor(kinds: readonly SpreadParameters[]) {
    this.#kinds = kinds;
  }

  /** Numbers that there is memory for. */
  get numbersHeld(): number {
    return this.#numbersHeld;
  }

  /** Lets go of what was fetched ahead: the weights have changed. */
  async refresh(_: { readonly all: boolean }): Promise<void> {
    for (const part of [...this.#gathered.keys()]) await this.#release(part);
  }

  async borrow<Result>(
    parts: readonly Part[],
    use: (weights: NamedTensors) => Promise<Result>,
    next: readonly Part[] = [],
  ): Promise<Result> {
    const held = parts.map((part) => this.#gather(part));
    for (const part of next) void this.#gather(part);
    const gathered = await Promise.all(held);
    try {
      return await use(Object.assign({}, ...gathered.map(({ weights }) => weights)));
    } finally {
      for (const part of parts) if (!next.includes(part)) await this.#release(part);
    }
  }

  async #release(part: Part): Promise<void> {
    const gathering = this.#gathered.get(part);
    this.#gathered.delete(part);
    // Each was allocated for a length.
    for (const array of (await gathering)?.memory ?? []) this.#free.get(array.length)?.push(array);
  }

  #gather(part: Part): Promise<Gathered> {
    const known = this.#gathered.get(part);
    if (known !== undefined) return known;
    const gathering = this.#gatherAnew(part);
    gathering.catch(() => undefined); // told to who borrows the part
    this.#gathered.set(part, gathering);
    return gathering;
  }

  async #gatherAnew(part: Part): Promise<Gathered> {
    const memory = this.#kinds.map((kind) => this.#allocate(kind.lengthOf(part)));
    await Promise.all(this.#kinds.map((kind, i) => kind.gather(part, memory[i]!)));
    return { weights: Object.assign({}, ...this.#kinds.map((kind, i) => kind.view(part, memory[i]!))), memory };
  }

  #allocate(length: number): Float32Array {
    const free = this.#free.get(length);
    const array = free?.pop();
    if (array !== undefined) return array;
    if (free === undefined) this.#free.set(length, []);
    this.#numbersHeld += length;
    return new Float32Array(length);
  }
}
