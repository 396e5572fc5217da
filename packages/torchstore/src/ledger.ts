import type {
  Absence,
  Answer,
  Batch,
  BeginOutcome,
  CommitOutcome,
  Leased,
  LeaseQuestion,
  LocatedTensor,
  Orphans,
  Question,
  RankClaim,
  Refusal,
  ReserveOutcome,
  Unused,
} from './batch.ts';
import { Catalog } from './catalog.ts';
import { Holdings } from './holdings.ts';
import { covers } from './key-index.ts';
import { Leases } from './leases.ts';
import { Lookup } from './lookup.ts';
import { disagreement } from './pending.ts';
import { Quota } from './quota.ts';
import { type LedgerStatistics, recordOf, statisticsOf, type TensorRecord } from './records.ts';
import { Rendezvous } from './rendezvous.ts';
import { Retention, type RetentionRule } from './retention.ts';
import type { DroppedSegment, Segments } from './segments.ts';
import { Sessions } from './sessions.ts';
import { Space } from './space.ts';

/** What a ledger keeps and refuses. */
export interface LedgerOptions {
  readonly retention?: readonly RetentionRule[];
  readonly quotaBytes?: number;
}

/**
 * All metadata of a store, without clock and without sockets.
 *
 *   begin, commit ──▶ Rendezvous (ranks meet by name, digest, version) ──all arrived, coverage proved──▶ Catalog
 *   locate, lease ──▶ hold entries of the Catalog;  what nothing holds any more ──▶ its segments are dropped
 *
 * Invariant "one step": whatever becomes visible together does so within one call of commit, so a locate sees all or
 * nothing of it. Invariant "onwards": the generation that a key shows only grows.
 */
export class Ledger {
  readonly #holdings = new Holdings();
  readonly #catalog: Catalog;
  readonly #rendezvous = new Rendezvous((batch) => this.#holdings.free(batch));
  readonly #leases = new Leases(this.#holdings);
  readonly #sessions = new Sessions();
  readonly #space: Space;
  readonly #lookup: Lookup;

  constructor({ retention = [], quotaBytes = Number.POSITIVE_INFINITY }: LedgerOptions = {}) {
    this.#catalog = new Catalog(this.#holdings, new Retention(retention));
    this.#space = new Space(new Quota(quotaBytes), this.#holdings, this.#catalog);
    this.#lookup = new Lookup(this.#catalog, this.#rendezvous, this.#leases);
  }

  /** Registers a session with a volume that its client is connected to; false when either has ended. */
  openSession(session: string, volume: string): boolean {
    return this.#sessions.open(session, volume);
  }

  /** Sets bytes aside for a writer; older generations that nobody reads make room. */
  reserve(session: string, wanted: number): ReserveOutcome {
    if (this.#sessions.hasEnded(session)) return { status: 'sessionEnded' };
    return this.#space.reserve(session, wanted);
  }

  /** Forgets what a session has set aside or written and will not commit; what is committed stays. */
  discard(session: string, { reservations, segments }: Unused): void {
    this.#space.release(reservations);
    this.#holdings.segments.discard(segments.filter(({ segment }) => segment.startsWith(`${session}/`)));
  }

  /** Takes a batch back that waits for other ranks. */
  retract(batch: number): void {
    this.#rendezvous.retract(batch);
  }

  /** Begins a transaction, or joins the one that other ranks have begun. */
  begin(claim: RankClaim): BeginOutcome {
    if (this.#sessions.hasEnded(claim.session)) return { status: 'sessionEnded' };
    return this.#catalog.staleness(claim.version, [claim.name]) ?? this.#rendezvous.begin(claim);
  }

  /** Ends a transaction for all of its ranks or, for one session, leaves it to the others until that rank begins again. */
  abort(transaction: number, { reason, onlyOf }: { readonly reason: string; readonly onlyOf?: string }): void {
    if (onlyOf === undefined) this.#rendezvous.abort(({ id }) => id === transaction, reason);
    else this.#rendezvous.withdraw(onlyOf, transaction);
  }

  /** Takes in what one rank has written. When it is refused, its segments are dropped. */
  commit(batch: Batch): CommitOutcome {
    const { session, participant } = batch;
    if (batch.begins !== true || participant === undefined) return this.#take(batch);
    const begun = this.begin({ ...batch, participant });
    if (begun.status !== 'begun') return begun;
    const { transaction } = begun;
    const outcome = this.#take({ ...batch, transaction });
    if (outcome.status !== 'visible' && outcome.status !== 'pending') this.#rendezvous.withdraw(session, transaction);
    return outcome;
  }

  #take(batch: Batch): CommitOutcome {
    const reserved = this.#space.release(batch.reservations);
    const refusal = this.#refusal(batch) ?? this.#space.refusal(batch, reserved);
    this.#holdings.take(batch);
    const outcome = refusal ?? this.#rendezvous.arrive(batch);
    if (outcome.status === 'complete') return { status: 'visible', generation: this.#catalog.show(outcome.pending) };
    if (outcome.status !== 'pending') this.#holdings.free(batch);
    return outcome;
  }

  #refusal({ session, parts, objects, version, name, structure }: Batch): Refusal | undefined {
    if (this.#sessions.hasEnded(session)) return { status: 'sessionEnded' };
    const lost = parts.some(({ places }) => places.some(({ volume }) => this.#sessions.isLost(volume)));
    if (lost) return { status: 'sessionEnded' };
    const names = structure === undefined ? [...parts, ...objects].map(({ key }) => key) : [name];
    return disagreement(parts, objects) ?? this.#catalog.staleness(version, names);
  }

  /** Finds everything that is asked for and pins it, or nothing. */
  locate(question: Question): Answer {
    return this.#sessions.hasEnded(question.session) ? { status: 'sessionEnded' } : this.#lookup.locate(question);
  }

  /** The tensors that a read has pinned, in the order in which they were found. */
  pinned(pin: number): readonly LocatedTensor[] {
    return this.#lookup.pinned(pin);
  }

  /** Ends a read; what nothing else holds goes. */
  release(pin: number): void {
    this.#leases.unpin(pin);
  }

  /** Keeps what a key or prefix holds now, or a kept generation of it, as it is. */
  lease(question: LeaseQuestion): Leased | Absence {
    return this.#sessions.hasEnded(question.session) ? { status: 'sessionEnded' } : this.#lookup.lease(question);
  }

  /** Ends a lease. */
  releaseLease(lease: number): void {
    this.#leases.release(lease);
  }

  /** Gives leases to a new session of their holder; returns those that have ended. */
  adoptLeases(session: string, leases: readonly number[]): readonly number[] {
    return this.#sessions.hasEnded(session) ? leases : this.#leases.adopt(session, leases);
  }

  /** Ends the reads of a session, refuses its later puts, and says what of it waits for its client to come back. */
  endSession(session: string): Orphans {
    this.#sessions.end(session);
    this.#space.quota.endSession(session);
    return { leases: this.#leases.endSession(session), transactions: this.#rendezvous.endSession(session) };
  }

  /** Ends what a client left behind that did not come back. */
  expire({ leases, transactions }: Orphans): void {
    this.#leases.expire(leases);
    for (const pending of this.#rendezvous.of(({ id, lostRanks }) => transactions.includes(id) && lostRanks.length > 0))
      this.abort(pending.id, { reason: `rank ${pending.lostRanks.join(', ')} was lost` });
  }

  /** The files of a session on a volume that must be kept when it ends. */
  segmentsOf(end: { readonly volume: string; readonly session: string }): readonly string[] {
    return this.#holdings.segments.ofSession(end);
  }

  /** The files of all volumes, and what lies in them. */
  get segments(): Segments {
    return this.#holdings.segments;
  }

  /** Forgets the pieces on a volume that died, and returns the sessions that had a connection to it. */
  loseVolume(volume: string): readonly string[] {
    const sessions = this.#sessions.loseVolume(volume);
    this.#rendezvous.abort((pending) => pending.dependsOn(volume), `volume ${volume} was lost`);
    for (const entry of new Set([...this.#catalog.all(), ...this.#leases.entries()]))
      this.#holdings.loseVolume(entry, volume);
    return sessions;
  }

  get lostVolumes(): readonly string[] {
    return this.#sessions.lostVolumes;
  }

  /** Grows when a put becomes visible or a file falls out of use: all that anybody waits for. */
  get changes(): number {
    return this.#catalog.lastGeneration + this.#holdings.segments.removals;
  }

  /** Removes a key, and puts of it that are not complete. */
  remove(key: string): boolean {
    const removed = this.#catalog.remove(key);
    const unfinished = new Set(this.#rendezvous.named(key));
    return this.#rendezvous.abort((pending) => unfinished.has(pending), `'${key}' was deleted`) > 0 || removed;
  }

  /** Removes all keys below a prefix, the state dicts there, and what is not complete there; returns how many keys went. */
  removePrefix(prefix: string): number {
    this.#rendezvous.abort(({ name }) => covers(prefix, name), `'${prefix}' was deleted`);
    return this.#catalog.removePrefix(prefix);
  }

  /** The generation of the newest visible key that a name covers, if any is at least that new. */
  newestGeneration(name: string, minGeneration: number): number | undefined {
    return this.#lookup.newestGeneration(name, minGeneration);
  }

  /** Visible keys that a prefix covers. */
  keys(prefix?: string): string[] {
    return [...this.#catalog.keys(prefix)];
  }

  exists(key: string): boolean {
    return this.#catalog.get(key) !== undefined;
  }

  /** What is known about a key that is visible or awaited. */
  record(key: string): TensorRecord | undefined {
    return recordOf(key, {
      entry: this.#catalog.get(key),
      pending: this.#rendezvous.named(key),
      commits: this.#catalog.commits(key),
      leases: this.#leases.countOf(key),
    });
  }

  /** Counts of everything that the store holds. */
  statistics(): LedgerStatistics {
    return statisticsOf({
      holdings: this.#holdings,
      catalog: this.#catalog,
      leases: this.#leases,
      quota: this.#space.quota,
      unfinished: this.#rendezvous.size,
      lostVolumes: this.lostVolumes,
    });
  }

  /** Segment files that nothing refers to any more, since the last call. */
  takeDropped(): readonly DroppedSegment[] {
    return this.#holdings.segments.takeDropped();
  }
}
