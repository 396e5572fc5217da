import type { ActorMesh } from '@forge/monarch';
import { metadataVolume } from './batch.ts';
import { unlessAborted } from './cancellation.ts';
import { type ClientStatistics, OperationCounter } from './client-statistics.ts';
import type { Controller } from './controller.ts';
import { type ControllerCalls, controllerCalls } from './controller-calls.ts';
import { DeadlineError, StoreClosedError, VolumeUnavailableError } from './failures.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { type Failure, failureOf } from './outcomes.ts';
import { Planner } from './planner.ts';
import { Session, type SessionOptions } from './session.ts';
import type { SelectVolume } from './strategy.ts';
import type { ByteWay, VolumeAddress } from './transport/transport.ts';

/** Where a client finds its store. */
export interface ClientAddress {
  readonly controller: ActorMesh<Controller, never>;
  readonly volumes: readonly VolumeAddress[];
  readonly options: ClientOptions;
}

/** What a store tells every client. */
export interface ClientOptions extends SessionOptions {
  /** How long a client that was cut off may take to come back before its leases and transactions end. */
  readonly reconnectMs: number;
  /** Writers have to ask for space. */
  readonly hasQuota: boolean;
  /** Puts of so few bytes travel in the message of their commit, and lie with the metadata. */
  readonly inlineBytes: number;
}

/** Asks the controller one thing. */
export type Ask<T> = (controller: ControllerCalls) => Promise<T>;

/** How a question may end before its answer comes. */
export interface AskOptions<T> {
  readonly signal?: AbortSignal | undefined;
  /** Takes back what an answer gave that came after the signal. */
  readonly undo?: (late: T) => void;
}

/** A connection may break this often during one operation before the caller hears of it; a volume that died counts too. */
const maxAttempts = 4;

/** How long a volume that did not answer is asked last. */
const suspicionMs = 10_000;

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? error.code : undefined);

/** This process's side of a store: connections, questions, and operations that are repeated when a connection breaks. */
export class Client implements Disposable {
  readonly address: ClientAddress;
  readonly puts = new OperationCounter();
  readonly gets = new OperationCounter();
  readonly leases: LeaseKeeper;
  readonly #calls: ControllerCalls;
  readonly #selectVolume: SelectVolume | undefined;
  readonly planner = new Planner();
  readonly #owned = new Set<Session>();
  /** Volumes that died, as far as this client knows. */
  readonly #lost = new Set<string>();
  /** Volumes that did not answer, and until when others are preferred. */
  readonly #suspected = new Map<string, number>();
  #session: Session | undefined;
  #isClosed = false;

  constructor(address: ClientAddress, selectVolume: SelectVolume | undefined) {
    this.address = address;
    this.#calls = controllerCalls(address.controller, address.options.timeoutMs);
    this.#selectVolume = selectVolume;
    this.leases = new LeaseKeeper(address.options.reconnectMs, (leases) => this.#adopt(leases));
  }

  /** Whether this process chooses its volumes by a function of its own. */
  get selectsVolumes(): boolean {
    return this.#selectVolume !== undefined;
  }

  get statistics(): ClientStatistics {
    return { puts: this.puts.statistics, gets: this.gets.statistics };
  }

  /** Asks the controller. @throws {StoreClosedError} when this client or the store has ended. @throws {DeadlineError} */
  async ask<T>(question: Ask<T>, { signal, undo }: AskOptions<T> = {}): Promise<T> {
    if (this.#isClosed) throw new StoreClosedError();
    try {
      return await unlessAborted(question(this.#calls), signal, undo);
    } catch (cause) {
      if (codeOf(cause) !== 'ERR_MONARCH_TIMEOUT')
        throw codeOf(cause) === 'ERR_MONARCH_MESH' ? new StoreClosedError({ cause }) : cause;
      throw new DeadlineError('The store', this.address.options.timeoutMs, { cause });
    }
  }

  /** Resolves with the generation of a key or one below it when that is visible. */
  async waitFor(keyOrPrefix: string, minGeneration: number, signal: AbortSignal | undefined): Promise<number> {
    if (this.#isClosed) throw new StoreClosedError();
    const { waitFor } = this.address.controller;
    try {
      // Cancelled there too: nobody may ever answer.
      return await waitFor.with(signal === undefined ? {} : { signal }).callOne(keyOrPrefix, minGeneration);
    } catch (cause) {
      signal?.throwIfAborted();
      throw codeOf(cause) === 'ERR_MONARCH_MESH' ? new StoreClosedError({ cause }) : cause;
    }
  }

  /** Connects a session to a volume at least. */
  async anchor(session: Session, signal: AbortSignal | undefined): Promise<void> {
    if (!session.isAnchored) await unlessAborted(session.anchor(), signal);
  }

  /** Takes back what an operation left that has ended; when that fails, it ends with the session. */
  inBackground(question: Ask<unknown>, session: Session): void {
    this.ask(question).catch(() => session[Symbol.dispose]());
  }

  async #adopt(leases: readonly number[]): Promise<readonly number[]> {
    const session = this.#current();
    await session.anchor();
    return this.ask((controller) => controller.adoptLeases(session.id, leases));
  }

  /** An answer that is no refusal; one that says the session has ended ends it here too. @throws what the refusal stands for */
  checked<T extends { readonly status: string }>(
    session: Session,
    answer: T,
    context: { readonly name?: string; readonly version?: number | undefined } = {},
  ): Exclude<T, Failure> {
    const failure = failureOf(answer, context);
    if (failure === undefined) return answer as Exclude<T, Failure>; // failureOf knows all others
    if (answer.status === 'sessionEnded') session[Symbol.dispose]();
    throw failure;
  }

  /** How this process reaches a volume, or what lies with the metadata. */
  async wayTo(volume: string): Promise<ByteWay> {
    return volume === metadataVolume ? 'inline' : this.#current().transportTo(volume);
  }

  /** A session of its own, for what must not end with the failures of other operations. */
  openSession(): Session {
    const session = this.#newSession();
    this.#owned.add(session);
    void session.ended.then(() => this.#owned.delete(session));
    return session;
  }

  /** Volumes that are read only where no others have the bytes: they died, or did not answer lately. */
  get avoided(): ReadonlySet<string> {
    return new Set([...this.#lost, ...this.#suspects()]);
  }

  /** Volumes that have not answered lately. */
  #suspects(): ReadonlySet<string> {
    const now = performance.now();
    for (const [volume, until] of this.#suspected) if (until < now) this.#suspected.delete(volume);
    return new Set(this.#suspected.keys());
  }

  #newSession(): Session {
    if (this.#isClosed) throw new StoreClosedError();
    const { volumes: addresses, options } = this.address;
    return new Session({
      addresses,
      options,
      selectVolume: this.#selectVolume,
      lost: new Set(this.#lost),
      suspected: this.#suspects(),
      register: (session, volume) => this.ask((controller) => controller.openSession(session, volume)),
    });
  }

  #current(): Session {
    if (this.#isClosed) throw new StoreClosedError();
    if (this.#session === undefined || this.#session.isEnded) {
      this.#session = this.#newSession();
      void this.#session.ended.then(() => this.leases.reconnect());
    }
    return this.#session;
  }

  /** Runs an operation again in a new session when the connection broke under it: its effects ended with the session. */
  async attempt<T>(operation: (session: Session) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const { timeoutMs } = this.address.options;
    // The first volume that does not answer costs one deadline, another one may cost the second.
    const lastStart = performance.now() + 2 * timeoutMs;
    for (let attempt = 1; ; attempt += 1) {
      const session = this.#current();
      try {
        return await operation(session);
      } catch (error) {
        if (this.#isClosed) throw new StoreClosedError({ cause: error });
        signal?.throwIfAborted();
        // What was asked may still be done, for nobody: a pin, a lease, a reservation. It ends with the session.
        if (error instanceof DeadlineError) session[Symbol.dispose]();
        if (!(error instanceof VolumeUnavailableError)) throw error;
        // A session that another operation gave up says nothing about the volume that this one was talking to.
        const suspect = session.isEnded ? session.culprit : error.volume;
        if (suspect !== undefined) this.#suspected.set(suspect, performance.now() + suspicionMs);
        await unlessAborted(this.abandon(session, error), signal);
        if (attempt >= maxAttempts || performance.now() > lastStart) throw error;
      }
    }
  }

  /** Ends a session here and in the store at once, whatever its volumes notice. @throws {StoreClosedError} when every volume is lost */
  async abandon(session: Session, cause?: unknown): Promise<void> {
    session[Symbol.dispose]();
    const lost = await this.ask((controller) => controller.abandon(session.id));
    for (const volume of lost) this.#lost.add(volume);
    if (this.address.volumes.every(({ id }) => this.#lost.has(id))) throw new StoreClosedError({ cause });
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.leases[Symbol.dispose]();
    this.#session?.[Symbol.dispose]();
    for (const session of this.#owned) session[Symbol.dispose]();
  }
}
