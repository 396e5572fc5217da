import type { Part } from '../passes/parts.ts';
import type { NamedTensors, WeightSource } from '../passes/passes.ts';
import type { SpreadParameters } from './spread-parameters.ts';

/** All weights on every rank: each steps its own rows of them, and has the others sent after every step. */
export class ReplicatedWeights implements WeightSource {
  readonly #trained: SpreadParameters;
  readonly #frozen: SpreadParameters;
  readonly #parts: ReadonlyMap<Part, { readonly trained: Float32Array; readonly frozen: Float32Array }>;
  readonly #views: ReadonlyMap<Part, NamedTensors>;

  constructor(
    { trained, frozen }: { readonly trained: SpreadParameters; readonly frozen: SpreadParameters },
    parts: readonly Part[],
  ) {
    this.#trained = trained;
    this.#frozen = frozen;
    this.#parts = new Map(
      parts.map((part) => [
        part,
        { trained: new Float32Array(trained.lengthOf(part)), frozen: new Float32Array(frozen.lengthOf(part)) },
      ]),
    );
    this.#views = new Map(
      [...this.#parts].map(([part, own]) => [
        part,
        { ...trained.view(part, own.trained), ...frozen.view(part, own.frozen) },
      ]),
    );
  }

  /** Numbers that there is memory for. */
  get numbersHeld(): number {
    return [...this.#parts.values()].reduce((sum, { trained, frozen }) => sum + trained.length + frozen.length, 0);
  }

  borrow<Result>(parts: readonly Part[], use: (weights: NamedTensors) => Promise<Result>): Promise<Result> {
    return use(Object.assign({}, ...parts.map((part) => this.#views.get(part))));
  }

  /** Fetches the weights that others hold: those that are trained, or all. */
  async refresh({ all = false }: { readonly all?: boolean } = {}): Promise<void> {
    for (const [part, own] of this.#parts) {
      await this.#trained.gather(part, own.trained);
      if (all) await this.#frozen.gather(part, own.frozen);
    }
  }
}
