import { cancellable, type OperationOptions } from './cancellation.ts';
import { type Ask, Client, type ClientAddress } from './client.ts';
import type { ClientStatistics } from './client-statistics.ts';
import { BatchError, StateDictError } from './errors.ts';
import { type Lease, type LeaseOptions, takeLease } from './lease.ts';
import { Publisher, type PublisherOptions } from './publisher.ts';
import { Reader } from './reader.ts';
import type { LedgerStatistics, TensorRecord } from './records.ts';
import { type Participant, pieceOf } from './sharded-tensor.ts';
import { flattenStateDict, type StateDict } from './state-dict.ts';
import type { SelectVolume } from './strategy.ts';
import { putInTransaction, Transaction, type TransactionOptions, transactionTitle } from './transaction.ts';
import type { ByteWay } from './transport/transport.ts';
import { isLaidOut, type StoredValue, storedFrom } from './value.ts';
import { putTogether } from './writer.ts';

/** What crosses processes to attach to a store: plain data and a handle, as an argument or in a message. */
export type StoreReference = ClientAddress;

/** How a tensor is put. */
export interface PutOptions extends OperationOptions {
  /**
   * A number that only grows: ranks of a sharded put meet only if they name the same, and an older one is refused.
   * @default ranks meet by the order of their puts
   */
  readonly version?: number;
}

/** How a state dict is put. */
export interface PutStateDictOptions extends PutOptions {
  /** This rank among those that put one state dict together. @default the rank of its laid-out tensors, else 0 of 1 */
  readonly participant?: Participant;
}

/** What is known about a key without reading it. */
export interface TensorStat extends TensorRecord {
  /** How this process reaches each volume that holds a part; what lies with the metadata comes 'inline'. */
  readonly transports: Readonly<Record<string, ByteWay>>;
}

/** Counts of what a store holds, and of what this process has done with it. */
export interface StoreStatistics extends LedgerStatistics {
  readonly client: ClientStatistics;
}

/** How long to wait for a key. */
export interface WaitOptions extends OperationOptions {
  /** Only a put that became visible as this generation or later counts. @default any */
  readonly minGeneration?: number;
}

/** Tensors by key, put in any layout and got in any other, by any process that holds the reference. */
export class Store extends Reader implements AsyncDisposable {
  readonly reference: StoreReference;
  readonly #client: Client;
  readonly #close: () => Promise<void>;

  constructor(
    reference: StoreReference,
    { close, selectVolume }: { readonly close: () => Promise<void>; readonly selectVolume: SelectVolume | undefined },
  ) {
    const client = new Client(reference, selectVolume);
    super(client, {});
    this.reference = reference;
    this.#client = client;
    this.#close = close;
  }

  /**
   * Stores a tensor, this rank's piece of one, or a small object of plain data. It becomes visible, and replaces what the
   * key held, when the pieces of all ranks have arrived and cover the tensor. Its data must not change until this resolves.
   * @throws {MismatchError} when a local tensor does not have the shape of its piece, or ranks disagree.
   * @throws {CoverageError} when all ranks have put and the tensor is not covered; {@link OverlapError} when twice.
   * @throws {VersionConflictError} when a newer version is visible.
   * @throws {IncompleteError} when this rank is eight puts ahead of another.
   * @throws {QuotaError} before a byte moves; {@link VolumeFullError} when the memory is full.
   * When it is cancelled, nothing of it is visible, or all of it.
   */
  async put(key: string, value: StoredValue, { version, ...how }: PutOptions = {}): Promise<void> {
    const stored = storedFrom([[key, value]]);
    const [piece] = stored.pieces;
    const participant = piece === undefined ? { rank: 0, ranks: 1 } : piece.participant;
    const title = { name: key, digest: piece?.layoutDigest ?? 'object', participant, version };
    await cancellable(`The put of '${key}'`, how, (signal) => putTogether(this.#client, { ...stored, title, signal }));
  }

  /**
   * Stores many tensors and objects, which become visible in one step: all or nothing. Pieces with layouts must have the
   * same rank of as many ranks, and each rank puts the same keys.
   * @throws {BatchError} when it is empty, and what put throws.
   */
  async putBatch(
    values: Readonly<Record<string, StoredValue>>,
    { version, participant, ...how }: PutStateDictOptions = {},
  ): Promise<void> {
    const keys = Object.keys(values).sort();
    if (keys.length === 0) throw new BatchError(keys);
    const stored = storedFrom(Object.entries(values));
    const rank = participant ?? commonParticipant(Object.entries(values));
    const digest = JSON.stringify([keys, stored.pieces.length]);
    const title = { name: keys[0]!, digest, participant: rank, version }; // it is not empty
    await cancellable(`The put of ${keys.length} keys`, how, (signal) =>
      putTogether(this.#client, { ...stored, title, signal }),
    );
  }

  /**
   * Stores nested names as one: all of it becomes visible in one step, when all ranks have put theirs, and replaces the
   * state dict that the prefix held. It is a transaction of one call.
   * @throws {StateDictError} when two tensors get the same key, or laid-out tensors disagree about the ranks.
   * @throws what put and the commit of a transaction throw.
   */
  async putStateDict(
    prefix: string,
    stateDict: StateDict,
    { version, participant, ...how }: PutStateDictOptions = {},
  ): Promise<void> {
    const { tensors, structure } = flattenStateDict(prefix, stateDict);
    const pieces = [...tensors].map(([key, value]) => pieceOf(key, value));
    const title = transactionTitle(prefix, participant ?? commonParticipant([...tensors]), version);
    await cancellable(`The put of '${prefix}'`, how, (signal) => {
      const put = { title, structure, pieces, objects: [], signal };
      return this.#client.puts.measure(() =>
        this.#client.attempt((session) => putInTransaction(this.#client, session, put), signal),
      );
    });
  }

  /**
   * Begins to write many keys below a prefix, from as many ranks as the participant says; each of them begins and commits.
   * Nothing is visible before the last commit, and the version before it stays readable until then.
   * @throws {VersionConflictError} when the version is visible, or another writer holds this rank of it.
   */
  async begin(prefix: string, options: TransactionOptions = {}): Promise<Transaction> {
    return Transaction.begin(this.#client, prefix, options);
  }

  /** Publishes versions of a state dict under one prefix within the memory of two. */
  publisher(prefix: string, options: PublisherOptions = {}): Publisher {
    return new Publisher(this.#client, prefix, options);
  }

  /**
   * Keeps what a key or prefix holds, exactly as it is now or was in a kept generation, for reads through the lease.
   * @throws {KeyNotFoundError} when there is nothing, {@link GenerationGoneError} when that generation is not kept.
   */
  async lease(keyOrPrefix: string, { signal, timeoutMs, ...wanted }: LeaseOptions = {}): Promise<Lease> {
    return cancellable(`The lease of '${keyOrPrefix}'`, { signal, timeoutMs }, (either) =>
      takeLease(this.#client, { ...wanted, name: keyOrPrefix }, either),
    );
  }

  #ask<T>(what: string, how: OperationOptions, question: Ask<T>): Promise<T> {
    return cancellable(what, how, (signal) => this.#client.ask(question, { signal }));
  }

  /** Removes a key, and what of it some ranks have put; readers that have begun still finish. Returns whether there was any. */
  async delete(key: string, how: OperationOptions = {}): Promise<boolean> {
    return this.#ask(`Deleting '${key}'`, how, (controller) => controller.remove(key));
  }

  /** Removes keys; those that are not there and those named twice do not matter. Returns how many there were. */
  async deleteBatch(keys: readonly string[], how: OperationOptions = {}): Promise<number> {
    if (keys.length === 0) return 0;
    return this.#ask(`Deleting ${keys.length} keys`, how, (controller) => controller.removeAll([...new Set(keys)]));
  }

  /** Removes every key that a prefix covers (`a` covers `a` and `a.b`), and transactions there; returns how many there were. */
  async deletePrefix(prefix: string, how: OperationOptions = {}): Promise<number> {
    return this.#ask(`Deleting '${prefix}'`, how, (controller) => controller.removePrefix(prefix));
  }

  /** Whether a key is visible. */
  async exists(key: string, how: OperationOptions = {}): Promise<boolean> {
    return this.#ask(`Asking for '${key}'`, how, (controller) => controller.exists(key));
  }

  /** Visible keys that a prefix covers, whole components only; all keys without one. */
  async keys(prefix?: string, how: OperationOptions = {}): Promise<string[]> {
    return this.#ask('Asking for keys', how, (controller) => controller.keys(prefix));
  }

  /** What is known about a key that is visible or that some ranks have put; undefined when there is nothing. */
  async stat(key: string, how: OperationOptions = {}): Promise<TensorStat | undefined> {
    const record = await this.#ask(`Asking for '${key}'`, how, (controller) => controller.record(key));
    if (record === undefined) return undefined;
    const volumes = [...new Set(record.parts.map(({ place }) => place.volume))];
    const transports = await Promise.all(
      volumes.map(async (volume): Promise<readonly [string, ByteWay]> => [volume, await this.#client.wayTo(volume)]),
    );
    return { ...record, transports: Object.fromEntries(transports) };
  }

  /** Counts and bytes of what the store holds, and counts, bytes and durations of what this process did with it. */
  async statistics(how: OperationOptions = {}): Promise<StoreStatistics> {
    const held = await this.#ask('Asking for statistics', how, (controller) => controller.statistics());
    return { ...held, client: this.#client.statistics };
  }

  /** Resolves, with its generation, when a key or one below it is visible. @throws {DeadlineError} when the time is over */
  async waitFor(keyOrPrefix: string, { minGeneration = 0, ...how }: WaitOptions = {}): Promise<number> {
    return cancellable(`Waiting for '${keyOrPrefix}'`, how, (signal) =>
      this.#client.waitFor(keyOrPrefix, minGeneration, signal),
    );
  }

  /** Ends this process's use of the store, and the store itself when it was opened here. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
    await this.#close();
  }
}

/** The rank that all laid-out tensors say. @throws {StateDictError} when they disagree */
function commonParticipant(values: readonly (readonly [key: string, value: StoredValue])[]): Participant {
  const laidOut = storedFrom(values.filter(([, value]) => isLaidOut(value))).pieces;
  const own = laidOut[0]?.participant ?? { rank: 0, ranks: 1 };
  const odd = laidOut.find(({ participant }) => participant?.rank !== own.rank || participant.ranks !== own.ranks);
  if (odd !== undefined)
    throw new StateDictError(odd.key, 'its layout has other ranks than the rest; name the participant');
  return own;
}
