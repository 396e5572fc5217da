import { Actor, type ActorMesh, endpoint } from '@forge/monarch';
import type { Absence, LeaseQuestion, Orphans, QuestionOptions, RankClaim, Unused } from './batch.ts';
import { type PackedBatch, unpackBatch } from './batch-codec.ts';
import { type PackedFound, packFound } from './found-codec.ts';
import { Ledger, type LedgerOptions } from './ledger.ts';
import { pageOf } from './pages.ts';
import type { SegmentName } from './segments.ts';
import type { SessionEnd } from './transport/served-session.ts';
import type { Volume } from './volume.ts';

/** How a controller keeps its store. */
export interface ControllerOptions extends LedgerOptions {
  /** How long a client that was cut off may take to come back before its leases and transactions end. */
  readonly reconnectMs: number;
}

/** Somebody who waits until a question has an answer. */
interface Waiter {
  readonly answer: () => number | undefined;
  readonly resolve: (answer: number) => void;
}

/** Calls that may wait at the same time. */
const maxWaiters = 100_000;

/** Holds the metadata of a store: it answers from its ledger, and has volumes drop what the ledger dropped. */
export class Controller extends Actor {
  static readonly module: string = import.meta.url;
  readonly #ledger: Ledger;
  readonly #reconnectMs: number;
  readonly #volumes = new Map<string, ActorMesh<Volume, never>>();
  readonly #waiters = new Set<Waiter>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #seenChanges = 0;

  constructor({ reconnectMs, ...options }: ControllerOptions) {
    super();
    this.#ledger = new Ledger(options);
    this.#reconnectMs = reconnectMs;
  }

  /** Makes a volume known, so that it is told what to drop. */
  readonly addVolume = endpoint((id: string, volume: ActorMesh<Volume, never>): void => {
    this.#volumes.set(id, volume);
  });

  readonly openSession = endpoint((session: string, volume: string) => this.#ledger.openSession(session, volume));

  /** Forgets what a session has set aside or written and will not commit. */
  readonly discard = endpoint((session: string, unused: Unused): void =>
    this.#after(this.#ledger.discard(session, unused)),
  );

  /** Takes a batch back that waits for other ranks; what is visible stays. */
  readonly retract = endpoint((batch: number): void => this.#after(this.#ledger.retract(batch)));

  readonly reserve = endpoint((session: string, bytes: number) => this.#after(this.#ledger.reserve(session, bytes)));

  readonly begin = endpoint((claim: RankClaim) => this.#ledger.begin(claim));

  readonly commit = endpoint((batch: PackedBatch) => this.#after(this.#ledger.commit(unpackBatch(batch))));

  readonly abort = endpoint((transaction: number, how: Parameters<Ledger['abort']>[1]): void =>
    this.#after(this.#ledger.abort(transaction, how)),
  );

  /** @param of keys, or the name of a state dict or prefix */
  readonly locate = endpoint(
    (session: string, of: readonly string[] | string, how: QuestionOptions = {}): PackedFound | Absence => {
      const asked = typeof of === 'string' ? { name: of } : { keys: of };
      const answer = this.#ledger.locate({ session, of: asked, ...how });
      return answer.status === 'found' ? packFound(answer) : answer;
    },
  );

  /** A page of the bytes that lie here, of what a read has pinned. */
  readonly page = endpoint((pin: number, number: number): Uint8Array => pageOf(this.#ledger.pinned(pin), number));

  readonly release = endpoint((pin: number): void => this.#after(this.#ledger.release(pin)));

  readonly lease = endpoint((question: LeaseQuestion) => this.#ledger.lease(question));

  readonly releaseLease = endpoint((lease: number): void => this.#after(this.#ledger.releaseLease(lease)));

  readonly adoptLeases = endpoint((session: string, leases: readonly number[]) =>
    this.#ledger.adoptLeases(session, leases),
  );

  /** A client gives a session up; answers with the volumes that died. */
  readonly abandon = endpoint((session: string): readonly string[] => {
    this.#endSession(session);
    // They may be waiting for its client to come back.
    for (const volume of this.#volumes.values()) volume.forget.broadcast(session);
    return this.#ledger.lostVolumes;
  });

  /** A volume noticed that a client is gone; answers with the files that it must keep. */
  readonly endSession = endpoint(
    ({ how, ...end }: { readonly volume: string; readonly session: string; readonly how: SessionEnd }) => {
      // A client that was lost has had its time to come back; one that closed a session may be opening another.
      this.#endSession(end.session, how === 'lost' ? 0 : this.#reconnectMs);
      return this.#ledger.segmentsOf(end);
    },
  );

  /** A volume died, and with it what only it held. */
  readonly loseVolume = endpoint((volume: string): void => {
    this.#volumes.delete(volume);
    for (const session of this.#ledger.loseVolume(volume)) this.#endSession(session);
    this.#after(undefined);
  });

  readonly remove = endpoint((key: string) => this.#after(this.#ledger.remove(key)));

  /** Removes keys, those that are there; returns how many were. */
  readonly removeAll = endpoint((keys: readonly string[]): number =>
    this.#after(keys.filter((key) => this.#ledger.remove(key)).length),
  );

  readonly removePrefix = endpoint((prefix: string) => this.#after(this.#ledger.removePrefix(prefix)));

  readonly keys = endpoint((prefix: string | undefined) => this.#ledger.keys(prefix));

  readonly exists = endpoint((key: string) => this.#ledger.exists(key));

  readonly record = endpoint((key: string) => this.#ledger.record(key));

  readonly statistics = endpoint(() => this.#ledger.statistics());

  /** Resolves with a generation when a key, or one below it, is visible and at least that new. */
  readonly waitFor = endpoint(
    (name: string, minGeneration: number) => this.#wait(() => this.#ledger.newestGeneration(name, minGeneration)),
    { concurrency: maxWaiters },
  );

  /** Resolves when no generation lies in these files any more, with those that must not be written again all the same. */
  readonly whenIdle = endpoint(
    async (names: readonly SegmentName[]): Promise<readonly SegmentName[]> => {
      await this.#wait(() => (names.some((name) => this.#ledger.segments.isUsed(name)) ? undefined : 0));
      return this.#ledger.segments.takeSpoiled(names);
    },
    { concurrency: maxWaiters },
  );

  #wait(answer: () => number | undefined): number | Promise<number> {
    const present = answer();
    if (present !== undefined) return present;
    const { signal } = this.context;
    return new Promise<number>((resolve, reject) => {
      const waiter: Waiter = { answer, resolve };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', () => {
        this.#waiters.delete(waiter);
        reject(signal.reason);
      });
    });
  }

  #endSession(session: string, reconnectMs = this.#reconnectMs): void {
    const orphans = this.#after(this.#ledger.endSession(session));
    if (orphans.leases.length === 0 && orphans.transactions.length === 0) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#expire(orphans);
    }, reconnectMs);
    this.#timers.add(timer);
  }

  #expire(orphans: Orphans): void {
    this.#after(this.#ledger.expire(orphans));
  }

  /** Tells volumes and waiters what a step of the ledger changed, and passes its result on. */
  #after<T>(result: T): T {
    const byVolume = Map.groupBy(this.#ledger.takeDropped(), ({ volume }) => volume);
    for (const [volume, names] of byVolume) {
      const segments = (isReusable: boolean) =>
        names.filter((name) => name.isReusable === isReusable).map(({ segment }) => segment);
      this.#volumes.get(volume)?.drop.broadcast({ reusable: segments(true), others: segments(false) });
    }
    if (this.#ledger.changes === this.#seenChanges) return result;
    this.#seenChanges = this.#ledger.changes;
    for (const waiter of this.#waiters) {
      const answer = waiter.answer();
      if (answer === undefined) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(answer);
    }
    return result;
  }

  override async cleanup(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
