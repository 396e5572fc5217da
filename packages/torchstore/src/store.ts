import {
  checkRegion,
  type DType,
  type Region,
  type Shape,
  sameShape,
  type Tensor,
  tensor,
  wholeRegion,
} from '@forge/tensor';
import type { LocatedTensor, TensorRecord } from './batch.ts';
import { Client, type ClientAddress } from './client.ts';
import { describeTensor, MismatchError, StateDictError } from './errors.ts';
import { type Layout, layoutRegion } from './placement.ts';
import type { SessionOptions } from './session.ts';
import { isSharded, type Participant, pieceOf, type ShardedTensor } from './sharded-tensor.ts';
import { flattenStateDict, type LoadedStateDict, restoreStateDict, type StateDict } from './state-dict.ts';
import type { TransportKind } from './transport/transport.ts';

/** What crosses processes to attach to a store: plain data and a handle, as an argument or in a message. */
export interface StoreReference extends ClientAddress {
  readonly options: SessionOptions;
}

/** How a tensor is put. */
export interface PutOptions {
  /**
   * A number that only grows: ranks of a sharded put meet only if they name the same, and an older one is refused.
   * @default ranks meet by the order of their puts
   */
  readonly version?: number;
}

/** Which part of a tensor is wanted, and where it goes; `layout` and `region` exclude each other. */
export interface GetOptions {
  /** The piece that a rank of this layout holds. */
  readonly layout?: Layout;
  /** The piece at this region. */
  readonly region?: Region;
  /** Filled and returned. @default a new tensor */
  readonly into?: Tensor;
}

/** How a state dict is put. */
export interface PutStateDictOptions extends PutOptions {
  /** This rank among those that put one state dict together. @default the rank of its laid-out tensors, else 0 of 1 */
  readonly participant?: Participant;
}

/** How a state dict is read. */
export interface GetStateDictOptions {
  /** Tensors to fill, under the same names; what it lacks is allocated. */
  readonly into?: StateDict;
}

/** What is known about a tensor without reading it. */
export interface TensorStat extends TensorRecord {
  /** How this process reaches each volume that holds a part. */
  readonly transports: Readonly<Record<string, TransportKind>>;
}

/** How long to wait for a key. */
export interface WaitOptions {
  /** Only a put that became visible as this generation or later counts. @default any */
  readonly minGeneration?: number;
  /** @default none */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Tensors by key, put in any layout and got in any other, by any process that holds the reference. */
export class Store implements AsyncDisposable {
  readonly reference: StoreReference;
  readonly #client: Client;
  readonly #close: () => Promise<void>;

  constructor(reference: StoreReference, close: () => Promise<void>) {
    this.reference = reference;
    this.#client = new Client(reference, reference.options);
    this.#close = close;
  }

  /**
   * Stores a tensor, or this rank's piece of one. It becomes visible, and replaces what the key held, when the pieces of
   * all ranks have arrived and cover the tensor. Its data must not change until this resolves.
   * @throws {MismatchError} when a local tensor does not have the shape of its piece, or ranks disagree.
   * @throws {CoverageError} when all ranks have put and the tensor is not covered.
   * @throws {VersionConflictError} when a newer version is visible.
   * @throws {IncompleteError} when this rank is eight puts ahead of another.
   */
  async put(key: string, value: Tensor | ShardedTensor, { version }: PutOptions = {}): Promise<void> {
    const piece = pieceOf(key, value);
    const { participant, layoutDigest: digest } = piece;
    await this.#client.put({ name: key, digest, participant, version, structure: undefined, pieces: [piece] });
  }

  /**
   * Reads a tensor, or a part of it, of the newest visible generation; never parts of two.
   * @throws {KeyNotFoundError} when there is none.
   * @throws {IncompleteError} when ranks of its first put are missing.
   * @throws {MismatchError} when `into` has another dtype or shape.
   */
  async get(key: string, { layout, region, into }: GetOptions = {}): Promise<Tensor> {
    const wanted = ({ shape }: LocatedTensor): Region => {
      if (layout !== undefined) return layoutRegion(shape, layout);
      if (region !== undefined) checkRegion(region, shape);
      return region ?? wholeRegion(shape);
    };
    const { wishes } = await this.#client.read(
      (controller, session) => controller.locate.callOne(session, [key]),
      ({ tensors }) => ({
        wishes: tensors.map((located) => ({
          located,
          region: wanted(located),
          target: targetFor(located, wanted(located), into),
        })),
      }),
    );
    return wishes[0]!.target; // one key was asked for
  }

  /**
   * Stores nested names as one: all of it becomes visible in one step, when all ranks have put theirs, and replaces the
   * state dict that the prefix held.
   * @throws {StateDictError} when two tensors get the same key, or laid-out tensors disagree about the ranks.
   */
  async putStateDict(
    prefix: string,
    stateDict: StateDict,
    { version, participant }: PutStateDictOptions = {},
  ): Promise<void> {
    const { tensors, structure } = flattenStateDict(prefix, stateDict);
    const pieces = [...tensors].map(([key, value]) => pieceOf(key, value));
    const laidOut = pieces.filter((piece) => isSharded(tensors.get(piece.key)!) && piece.participant !== undefined);
    const own = participant ?? laidOut[0]?.participant ?? { rank: 0, ranks: 1 };
    const odd = laidOut.find((piece) => piece.participant?.rank !== own.rank || piece.participant.ranks !== own.ranks);
    if (odd !== undefined && participant === undefined) {
      throw new StateDictError(odd.key, 'its layout has other ranks than the rest; name the participant');
    }
    await this.#client.put({ name: prefix, digest: 'state dict', participant: own, version, structure, pieces });
  }

  /**
   * Reads a state dict as it was put, its tensors whole. Keys that were put one by one come back as a flat record of
   * the names below the prefix.
   * @throws {KeyNotFoundError} when there is none.
   */
  async getStateDict(prefix: string, { into = {} }: GetStateDictOptions = {}): Promise<LoadedStateDict> {
    const { tensors: targets } = flattenStateDict(prefix, into);
    const { structure, wishes } = await this.#client.read(
      (controller, session) => controller.locatePrefix.callOne(session, prefix),
      ({ tensors, structure }) => ({
        structure,
        wishes: tensors.map((located) => {
          const target = targets.get(located.key);
          if (target !== undefined && isSharded(target))
            throw new StateDictError(located.key, 'a target must be a whole tensor');
          const region = wholeRegion(located.shape);
          return { located, region, target: targetFor(located, region, target) };
        }),
      }),
    );
    const byKey = new Map(wishes.map(({ located, target }) => [located.key, target]));
    if (structure === undefined)
      return Object.fromEntries([...byKey].map(([key, each]) => [key.slice(prefix.length + 1), each]));
    // A state dict is a dict, and every key of its structure was located.
    return restoreStateDict(structure, (key) => byKey.get(key)!) as LoadedStateDict;
  }

  /** Removes a tensor; readers that have begun still finish. Returns whether there was one. */
  async delete(key: string): Promise<boolean> {
    return this.#client.ask((controller) => controller.remove.callOne(key));
  }

  /** Removes every tensor whose key a prefix covers (`a` covers `a` and `a.b`); returns how many there were. */
  async deletePrefix(prefix: string): Promise<number> {
    return this.#client.ask((controller) => controller.removePrefix.callOne(prefix));
  }

  /** Whether a tensor is visible. */
  async exists(key: string): Promise<boolean> {
    return this.#client.ask((controller) => controller.exists.callOne(key));
  }

  /** Visible keys that a prefix covers, whole components only; all keys without one. */
  async keys(prefix?: string): Promise<string[]> {
    return this.#client.ask((controller) => controller.keys.callOne(prefix));
  }

  /** What is known about a visible tensor; undefined when there is none. */
  async stat(key: string): Promise<TensorStat | undefined> {
    const record = await this.#client.ask((controller) => controller.record.callOne(key));
    if (record === undefined) return undefined;
    const volumes = [...new Set(record.parts.map(({ place }) => place.volume))];
    const transports = await Promise.all(
      volumes.map(async (volume) => [volume, await this.#client.transportTo(volume)] as const),
    );
    return { ...record, transports: Object.fromEntries(transports) };
  }

  /**
   * Resolves, with its generation, when a key or one below it is visible.
   * @throws an error with code ERR_MONARCH_TIMEOUT when the time is over, and the signal's reason when it aborts.
   */
  async waitFor(keyOrPrefix: string, { minGeneration = 0, timeoutMs, signal }: WaitOptions = {}): Promise<number> {
    const options = { ...(timeoutMs !== undefined && { timeoutMs }), ...(signal !== undefined && { signal }) };
    return this.#client.ask((controller) => controller.waitFor.with(options).callOne(keyOrPrefix, minGeneration));
  }

  /** Ends this process's use of the store, and the store itself when it was opened here. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
    await this.#close();
  }
}

/** The tensor that a region is read to. */
function targetFor({ key, dtype }: LocatedTensor, { size }: Region, into: Tensor | undefined): Tensor {
  if (into === undefined) return allocateTensor(dtype, size);
  if (into.dtype === dtype && sameShape(into.shape, size)) return into;
  throw new MismatchError(key, {
    expected: describeTensor(dtype, size),
    actual: describeTensor(into.dtype, into.shape),
  });
}

function allocateTensor(dtype: DType, shape: Shape): Tensor {
  return tensor(dtype, shape);
}
