import { sameRegion } from '@forge/tensor';
import type { BeginOutcome, ObjectPart, Part } from './batch.ts';
import { cancellable, type OperationOptions } from './cancellation.ts';
import type { Client } from './client.ts';
import { TransactionAbortedError, VolumeUnavailableError } from './failures.ts';
import { inlineBytesOf } from './holdings.ts';
import type { Session } from './session.ts';
import type { Participant } from './sharded-tensor.ts';
import type { Structure } from './state-dict.ts';
import { type Stored, type StoredValue, storedFrom } from './value.ts';
import {
  type Committed,
  checkTitle,
  commit,
  type Put,
  type Reuse,
  type Staged,
  stage,
  stageInline,
  type Title,
} from './writer.ts';

/** How a transaction is begun. */
export interface TransactionOptions extends OperationOptions {
  /** This rank among those that commit together; each begins and commits. @default rank 0 of 1 */
  readonly participant?: Participant;
  /** A number that only grows; a second writer of the same version is refused. @default ranks meet by order */
  readonly version?: number;
}

/** What came of the commit of one rank. */
export interface CommitResult {
  /** The generation that became visible; undefined while other ranks are missing. */
  readonly generation: number | undefined;
  readonly missingRanks: readonly number[];
}

/** The title under which all ranks of a state dict or transaction meet. */
export function transactionTitle(name: string, participant: Participant, version: number | undefined) {
  const title = { name, digest: 'transaction', participant, version } satisfies Title;
  checkTitle(title);
  return title;
}

/** What one rank has to say in one transaction. */
export interface TransactionPut extends Put {
  readonly title: ReturnType<typeof transactionTitle>;
  readonly structure: Structure;
  readonly reuse?: Reuse;
}

/** Registers a rank with its transaction. @returns its number */
async function beginTransaction(
  client: Client,
  session: Session,
  { title, signal }: Pick<TransactionPut, 'title' | 'signal'>,
): Promise<number> {
  await client.anchor(session, signal);
  const claim = { ...title, session: session.id };
  const outcome = await client.ask<BeginOutcome>((controller) => controller.begin(claim), {
    signal,
    undo: (late) => late.status === 'begun' && leave(client, session, late.transaction),
  });
  return client.checked(session, outcome, title).transaction;
}

/** Takes one rank out of a transaction: it may begin again, and what the others have committed waits for it. */
function leave(client: Client, session: Session, transaction: number): void {
  const how = { reason: 'a rank left it', onlyOf: session.id };
  client.inBackground((controller) => controller.abort(transaction, how), session);
}

/** Stores everything that one rank has to say in one transaction. */
export async function putInTransaction(client: Client, session: Session, put: TransactionPut): Promise<Committed> {
  const { title, structure, reuse, signal } = put;
  const inline = reuse === undefined ? stageInline(client, put) : undefined;
  if (inline !== undefined) {
    await client.anchor(session, signal);
    return commit(client, session, { title, begins: true, structure, signal, ...inline });
  }
  const transaction = await beginTransaction(client, session, put);
  try {
    const staged = await stage(client, session, put);
    reuse?.seal();
    const keepsSegments = reuse !== undefined;
    return await commit(client, session, { title, transaction, structure, keepsSegments, signal, ...staged });
  } catch (error) {
    if (!(error instanceof VolumeUnavailableError)) leave(client, session, transaction);
    throw error;
  }
}

/**
 * Many keys from many ranks that become visible in one step, or not at all. Bytes are written by `put`; `commit` hands
 * over the list of keys, shapes, dtypes and regions, and the last rank's commit proves that together they are complete.
 * It has a connection of its own: when this process dies, what it staged is removed.
 */
export class Transaction implements AsyncDisposable {
  readonly prefix: string;
  readonly #client: Client;
  readonly #session: Session;
  readonly #title: ReturnType<typeof transactionTitle>;
  readonly #id: number;
  readonly #parts: Part[] = [];
  readonly #objects: ObjectPart[] = [];
  readonly #reservations: number[] = [];
  readonly #names = new Map<string, Structure>();
  #hasEnded = false;

  private constructor(
    client: Client,
    begun: { readonly session: Session; readonly title: ReturnType<typeof transactionTitle>; readonly id: number },
  ) {
    this.#client = client;
    this.prefix = begun.title.name;
    this.#session = begun.session;
    this.#title = begun.title;
    this.#id = begun.id;
  }

  /** Joins the transaction of the other ranks, or begins it. */
  static async begin(
    client: Client,
    prefix: string,
    { participant, version, ...how }: TransactionOptions,
  ): Promise<Transaction> {
    const title = transactionTitle(prefix, participant ?? { rank: 0, ranks: 1 }, version);
    const session = client.openSession();
    try {
      const id = await cancellable(`Beginning '${prefix}'`, how, (signal) =>
        beginTransaction(client, session, { title, signal }),
      );
      return new Transaction(client, { session, title, id });
    } catch (error) {
      session[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Stages a value under a name below the prefix. Nobody sees it before the commit.
   * @throws {QuotaError} before a byte moves, and {@link TransactionAbortedError} when it has ended.
   */
  async put(name: string, value: StoredValue, how: OperationOptions = {}): Promise<void> {
    await this.putBatch({ [name]: value }, how);
  }

  /** Stages values under names below the prefix. When it is cancelled none is staged, and the transaction goes on. */
  async putBatch(values: Readonly<Record<string, StoredValue>>, how: OperationOptions = {}): Promise<void> {
    await cancellable(`Staging for '${this.prefix}'`, how, (signal) => this.#stage(values, signal));
  }

  async #stage(values: Readonly<Record<string, StoredValue>>, signal: AbortSignal | undefined): Promise<void> {
    this.#checkOpen();
    const stored = storedFrom(
      Object.entries(values).map(([name, value]) => [`${this.prefix}.${name}`, value] as const),
    );
    try {
      const staged =
        this.#stageInline(stored) ??
        (await stage(this.#client, this.#session, { title: this.#title, signal, ...stored }));
      for (const part of staged.parts) replace(this.#parts, part, (each) => sameRegion(each.region, part.region));
      for (const object of staged.objects) replace(this.#objects, object, () => true);
      this.#reservations.push(...staged.reservations);
    } catch (error) {
      throw await this.#failure(error);
    }
    for (const { key } of stored.pieces) this.#names.set(key, { kind: 'tensor', key });
    for (const { key } of stored.objects) this.#names.set(key, { kind: 'object', key });
  }

  /** What the commit will bring along, as long as all of it together is little; a quota wants to hear of it now. */
  #stageInline(stored: Stored): Staged | undefined {
    const { hasQuota, inlineBytes } = this.#client.address.options;
    return hasQuota ? undefined : stageInline(this.#client, stored, inlineBytes - inlineBytesOf(this.#parts));
  }

  /**
   * Hands over what this rank has put. The last rank's commit makes all of it visible, in place of what the prefix held.
   * @throws {CoverageError} {OverlapError} {MismatchError} when the ranks' pieces do not make whole tensors; all is freed then.
   * @throws {TransactionAbortedError} when a rank aborted, or died and did not come back.
   * When it is cancelled the transaction ends for all ranks, unless it has become visible.
   */
  async commit(how: OperationOptions = {}): Promise<CommitResult> {
    return cancellable(`The commit of '${this.prefix}'`, how, (signal) => this.#commit(signal));
  }

  async #commit(signal: AbortSignal | undefined): Promise<CommitResult> {
    this.#checkOpen();
    this.#hasEnded = true;
    const entries = [...this.#names].map(([key, item]) => [key.slice(this.prefix.length + 1), item] as const);
    try {
      const outcome = await commit(this.#client, this.#session, {
        title: this.#title,
        transaction: this.#id,
        structure: { kind: 'dict', entries },
        parts: this.#parts,
        objects: this.#objects,
        reservations: this.#reservations,
        signal,
      });
      if (outcome.status === 'visible') return { generation: outcome.generation, missingRanks: [] };
      return { generation: undefined, missingRanks: outcome.missingRanks };
    } catch (error) {
      if (signal?.aborted === true) this.#end('its commit was cancelled').catch(() => {}); // or with its session
      throw await this.#failure(error);
    } finally {
      this.#session[Symbol.dispose]();
    }
  }

  async #end(reason: string): Promise<void> {
    await this.#client.ask((controller) => controller.abort(this.#id, { reason }));
  }

  /** Ends the transaction for all of its ranks; the version before it stays readable, and all staged bytes are freed. */
  async abort(reason = 'a rank aborted it'): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    await this.#end(reason).finally(() => this.#session[Symbol.dispose]());
  }

  #checkOpen(): void {
    if (this.#hasEnded) throw new TransactionAbortedError(this.prefix, 'it has ended');
  }

  /** What a lost connection means here: the staged bytes went with it. */
  async #failure(error: unknown): Promise<unknown> {
    if (!this.#session.isEnded) return error;
    this.#hasEnded = true;
    await this.#client.abandon(this.#session, error);
    if (!(error instanceof VolumeUnavailableError)) return error;
    return new TransactionAbortedError(this.prefix, 'the connection of this rank was lost', { cause: error });
  }

  /** Aborts the transaction unless this rank has committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.abort();
  }
}

/** Adds what was put last under a key, in place of what it replaces. */
function replace<T extends { readonly key: string }>(list: T[], item: T, isReplaced: (earlier: T) => boolean): void {
  const place = list.findIndex((earlier) => earlier.key === item.key && isReplaced(earlier));
  if (place === -1) list.push(item);
  else list[place] = item;
}
