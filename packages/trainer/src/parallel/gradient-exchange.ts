import type { Parameter } from '@forge/models';
import type { Tensor } from '@forge/tensor';
import { type MicroBatch, tokenIdsOf } from '../packing/pack.ts';
import { addInPlace, arenaOffsets, viewArena } from '../parameter-arena.ts';
import { EmbeddingRows } from '../passes/embedding-rows.ts';
import { EMBEDDING, type Part } from '../passes/parts.ts';
import type { GradientSink, NamedTensors } from '../passes/passes.ts';
import type { Giver, Offers } from './offers.ts';
import { type ParameterShard, rowsIn } from './parameter-shard.ts';
import { readNumbers } from './peers.ts';
import { parametersByPart } from './shards.ts';
import { SlotPool } from './slot-pool.ts';

/** Who takes part in an exchange, and with what. */
export interface ExchangeOptions {
  readonly givers: readonly Giver[];
  readonly offers: Offers;
  /** What this rank holds, and gets the gradients of. */
  readonly own: ParameterShard;
  readonly trained: readonly Parameter[];
  /** The parts that backward writes together, in its order. */
  readonly writes: readonly (readonly Part[])[];
}

/**
 * Sums gradients over ranks while backward goes on: each rank gets those of the weights that it holds. Micro-batches are dealt
 * out in rounds, one to each rank, and added up in their order, so that the sums are those of one rank that runs them all.
 *
 * ```text
 * a rank   write part ─▶ offer ──────────┐            write the next part, into other memory
 * others                                 └─▶ take, read their rows, add ─▶ done ─▶ the memory is free
 * ```
 *
 * Source: reduce-scatter.
 */
export class GradientExchange implements GradientSink {
  readonly #options: ExchangeOptions;
  readonly #parameters: ReadonlyMap<Part, readonly Parameter[]>;
  readonly #writes: readonly (readonly Part[])[];
  readonly #hasEmbedding: boolean;
  /** Of layers: while one is read, the next is written. */
  readonly #layers = new SlotPool(2);
  /** Of what is not a layer. */
  readonly #others = new SlotPool(1);
  readonly #slopes = new SlotPool(1);
  readonly #rows: EmbeddingRows;
  #read = new Float32Array(0);
  /** Of the round that backward is in. */
  #key = '';
  #numWritten = 0;
  #hasSlopes = false;

  constructor(options: ExchangeOptions) {
    const { trained, writes } = options;
    this.#options = options;
    this.#parameters = parametersByPart(trained);
    this.#writes = writes.filter((parts) => parts.some((part) => this.#parameters.has(part)));
    const embedding = trained.find(({ name }) => name === EMBEDDING);
    this.#hasEmbedding = embedding !== undefined;
    this.#rows = new EmbeddingRows(embedding?.shape[1] ?? 0);
  }

  /** Numbers that there is memory for. */
  get numbersHeld(): number {
    const pools = [this.#layers, this.#others, this.#slopes];
    return this.#read.length + pools.reduce((sum, pool) => sum + pool.numbersHeld, 0);
  }

  /** Begins the backward of this rank in a round; `end` ends it, also where it has nothing to do. */
  begin(step: number, round: number): void {
    this.#key = `${step}.${round}`;
    this.#numWritten = 0;
    this.#hasSlopes = false;
  }

  async write(parts: readonly Part[], run: (gradients: NamedTensors) => Promise<void>): Promise<void> {
    const parameters = this.#parametersOf(parts);
    if (parameters.length === 0) return run({});
    const pool = isLayer(parts) ? this.#layers : this.#others;
    const slot = await pool.take(arenaOffsets(parameters).length);
    await run(viewArena(slot.numbers, parameters).tensors);
    const onRead = { readers: this.#options.givers.length, giveBack: () => pool.giveBack(slot) };
    this.#options.offers.offer(`${this.#key}.${this.#numWritten++}`, slot, onRead);
  }

  async addToEmbedding(_ids: BigInt64Array, { data }: Tensor<'float32'>): Promise<void> {
    if (!this.#hasEmbedding) return;
    const slot = await this.#slopes.take(data.length);
    slot.numbers.set(data);
    const onRead = { readers: this.#options.givers.length, giveBack: () => this.#slopes.giveBack(slot) };
    this.#options.offers.offer(`${this.#key}.slopes`, slot, onRead);
    this.#hasSlopes = true;
  }

  end(): void {
    const nothing = { readers: this.#options.givers.length, giveBack: () => undefined };
    while (this.#numWritten < this.#writes.length) {
      this.#options.offers.offer(`${this.#key}.${this.#numWritten++}`, undefined, nothing);
    }
    if (this.#hasEmbedding && !this.#hasSlopes) this.#options.offers.offer(`${this.#key}.slopes`, undefined, nothing);
  }

  /** Adds what all ranks write in a step to the gradients of this one. Runs beside backward. */
  async sum(step: number, batches: readonly MicroBatch[]): Promise<void> {
    const { givers } = this.#options;
    for (let first = 0; first < batches.length; first += givers.length) {
      const round = batches.slice(first, first + givers.length);
      const key = `${step}.${first / givers.length}`;
      for (const [i, parts] of this.#writes.entries()) {
        for (const rank of givers.keys()) await this.#add(`${key}.${i}`, rank, parts);
      }
      if (!this.#hasEmbedding) continue;
      for (const rank of givers.keys()) await this.#addSlopes(`${key}.slopes`, rank, round[rank]);
    }
    const embedding = this.#ownEmbedding();
    if (this.#hasEmbedding && embedding !== undefined) {
      this.#rows.moveTo(rowsIn(this.#options.own.gradients, embedding), embedding.firstRow);
    }
  }

  /** Ends all waiting. */
  fail(reason: unknown): void {
    for (const pool of [this.#layers, this.#others, this.#slopes]) pool.fail(reason);
  }

  async #add(key: string, rank: number, parts: readonly Part[]): Promise<void> {
    const { givers, own } = this.#options;
    const giver = givers[rank]!; // one a rank
    const buffer = await giver.take(key);
    let offset = 0; // of the part in what was written
    for (const part of parts) {
      const slice = own.shard.slices.get(part);
      if (buffer !== undefined && slice !== undefined && slice.end > slice.start) {
        const into = this.#readInto(slice.end - slice.start);
        await readNumbers(rank, buffer, { at: offset + slice.start, into });
        addInPlace(own.gradients.subarray(slice.at, slice.at + into.length), into);
      }
      offset += arenaOffsets(this.#parametersOf([part])).length;
    }
    giver.done(key);
  }

  async #addSlopes(key: string, rank: number, batch: MicroBatch | undefined): Promise<void> {
    const giver = this.#options.givers[rank]!; // one a rank
    const buffer = await giver.take(key);
    const embedding = this.#ownEmbedding();
    if (buffer !== undefined && batch !== undefined && embedding !== undefined) {
      const ids = tokenIdsOf(batch);
      const { firstRow, numRows, parameter } = embedding;
      const into = this.#readInto(ids.length * parameter.shape[1]!); // [vocabulary, D]
      await readNumbers(rank, buffer, { at: 0, into });
      this.#rows.add(ids, into, { firstRow, numRows });
    }
    giver.done(key);
  }

  #ownEmbedding() {
    return this.#options.own.shard.pieces.find(({ parameter }) => parameter.name === EMBEDDING);
  }

  #parametersOf(parts: readonly Part[]): readonly Parameter[] {
    return parts.flatMap((part) => this.#parameters.get(part) ?? []);
  }

  #readInto(length: number): Float32Array {
    if (length > this.#read.length) this.#read = new Float32Array(length);
    return this.#read.subarray(0, length);
  }
}

const isLayer = (parts: readonly Part[]): boolean => parts.length === 1 && typeof parts[0] === 'number';
