import type { Parameter } from '@forge/models';
import type { Tensor } from '@forge/tensor';
import { addInPlace, allocateArena, arenaOffsets, type ParameterArena, viewArena } from '../parameter-arena.ts';
import { EmbeddingRows } from './embedding-rows.ts';
import { byPart, EMBEDDING, type Part } from './parts.ts';
import type { GradientSink, NamedTensors } from './passes.ts';

/**
 * Gradients that add up in memory of this process. The first of a part are written where they stay, later ones beside it
 * and then added.
 */
export class LocalGradients implements GradientSink {
  readonly #arena: ParameterArena;
  readonly #parameters: ReadonlyMap<Part, Readonly<Record<string, Parameter>>>;
  readonly #rows: EmbeddingRows;
  /** Parts whose gradients are in the arena; the others count as 0, whatever is there. */
  readonly #written = new Set<Part>();
  #scratch = new Float32Array(0);

  constructor(trained: readonly Parameter[]) {
    this.#arena = allocateArena(trained);
    this.#parameters = byPart(Object.fromEntries(trained.map((parameter) => [parameter.name, parameter])));
    this.#rows = new EmbeddingRows(trained.find(({ name }) => name === EMBEDDING)?.shape[1] ?? 0);
  }

  /** All of them; those of parts that no backward reached are 0 after `settle`. */
  get flat(): Float32Array {
    return this.#arena.flat;
  }

  /** Views of `flat`, by the names of the weights. */
  get tensors(): NamedTensors {
    return this.#arena.tensors;
  }

  /** Memory for gradients before they are added. */
  get scratchBytes(): number {
    return this.#scratch.byteLength;
  }

  async write(parts: readonly Part[], run: (gradients: NamedTensors) => Promise<void>): Promise<void> {
    const views = (some: readonly Part[]): NamedTensors =>
      Object.fromEntries(this.#parametersOf(some).map(({ name }) => [name, this.#arena.tensors[name]!])); // all are trained
    const beside = this.#beside(parts.filter((part) => this.#written.has(part)));
    await run({ ...views(parts), ...beside });
    for (const [name, { data }] of Object.entries(beside)) addInPlace(this.#arena.tensors[name]!.data, data);
    for (const part of parts) this.#written.add(part);
  }

  addToEmbedding(ids: BigInt64Array, slopes_ND: Tensor<'float32'>): void {
    if (this.#arena.tensors[EMBEDDING] !== undefined) this.#rows.add(ids, slopes_ND.data);
  }

  /** Completes the sums: those of the embedding, and zeros where there are none. */
  settle(): void {
    for (const [part, parameters] of this.#parameters) {
      if (this.#written.has(part)) continue;
      for (const name of Object.keys(parameters)) this.#arena.tensors[name]!.data.fill(0);
      this.#written.add(part);
    }
    const embedding = this.#arena.tensors[EMBEDDING];
    if (embedding !== undefined) this.#rows.moveTo(embedding);
  }

  /** Makes all of them count as 0. */
  drop(): void {
    this.#written.clear();
    this.#rows.clear();
  }

  /** Memory for the gradients of these parts that is not theirs to stay in. */
  #beside(parts: readonly Part[]): NamedTensors {
    const parameters = this.#parametersOf(parts);
    const { length } = arenaOffsets(parameters);
    if (length > this.#scratch.length) this.#scratch = new Float32Array(length);
    return viewArena(this.#scratch, parameters).tensors;
  }

  #parametersOf(parts: readonly Part[]): readonly Parameter[] {
    return parts.flatMap((part) => Object.values(this.#parameters.get(part) ?? {}));
  }
}
