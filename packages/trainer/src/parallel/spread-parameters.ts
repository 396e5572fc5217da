import type { Parameter } from '@forge/models';
import type { RemoteBuffer } from '@forge/monarch';
import { arenaOffsets, viewArena } from '../parameter-arena.ts';
import type { Part } from '../passes/parts.ts';
import type { NamedTensors } from '../passes/passes.ts';
import { readNumbers } from './peers.ts';
import { parametersByPart, type Shard } from './shards.ts';

/** Parameters that lie in shards on several ranks. */
export class SpreadParameters {
  readonly #parameters: ReadonlyMap<Part, readonly Parameter[]>;
  readonly #shards: readonly Shard[];
  readonly #rank: number;
  readonly #own: Float32Array;
  #buffers: readonly (RemoteBuffer | undefined)[] = [];

  /** @param own - what of them is in this rank, laid out as its shard is */
  constructor(
    parameters: readonly Parameter[],
    { shards, rank, own }: { readonly shards: readonly Shard[]; readonly rank: number; readonly own: Float32Array },
  ) {
    this.#parameters = parametersByPart(parameters);
    this.#shards = shards;
    this.#rank = rank;
    this.#own = own;
  }

  /** Says where the flat arrays of all ranks are; `undefined` for one without numbers. */
  connect(buffers: readonly (RemoteBuffer | undefined)[]): void {
    this.#buffers = buffers;
  }

  /** Numbers of all parameters of a part. */
  lengthOf(part: Part): number {
    return arenaOffsets(this.#parameters.get(part) ?? []).length;
  }

  /** The parameters of a part in an array that `gather` has filled. */
  view(part: Part, numbers: Float32Array): NamedTensors {
    return viewArena(numbers, this.#parameters.get(part) ?? []).tensors;
  }

  /** Brings a part together from all ranks. Source: all-gather. */
  async gather(part: Part, into: Float32Array): Promise<void> {
    const reads = this.#shards.map(async ({ slices }, rank) => {
      const slice = slices.get(part);
      if (slice === undefined || slice.end === slice.start) return;
      const { start, end, at } = slice;
      if (rank === this.#rank) into.set(this.#own.subarray(at, at + end - start), start);
      // A rank that holds numbers has a buffer of them.
      else await readNumbers(rank, this.#buffers[rank]!, { at, into: into.subarray(start, end) });
    });
    await Promise.all(reads);
  }
}
