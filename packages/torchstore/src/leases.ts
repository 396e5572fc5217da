import type { Entry, Holdings } from './holdings.ts';
import type { Structure } from './state-dict.ts';

/** A lease and what it holds. */
export interface LeaseRecord {
  readonly id: number;
  readonly name: string;
  readonly entries: ReadonlyMap<string, Entry>;
  readonly structure: Structure | undefined;
  /** The connection that keeps it; undefined while its holder is cut off. */
  session: string | undefined;
}

/** Who holds what: pins for the time of one read, leases for as long as their holder wants. */
export class Leases {
  readonly #holdings: Holdings;
  readonly #pins = new Map<number, { readonly session: string; readonly entries: readonly Entry[] }>();
  readonly #leases = new Map<number, LeaseRecord>();
  #last = 0;

  constructor(holdings: Holdings) {
    this.#holdings = holdings;
  }

  get count(): number {
    return this.#leases.size;
  }

  get pinCount(): number {
    return this.#pins.size;
  }

  /** Keeps entries while they are read. */
  pin(session: string, entries: readonly Entry[]): number {
    for (const entry of entries) this.#holdings.hold(entry);
    this.#last += 1;
    this.#pins.set(this.#last, { session, entries });
    return this.#last;
  }

  /** What a read has pinned; nothing when it has ended. */
  pinned(pin: number): readonly Entry[] {
    return this.#pins.get(pin)?.entries ?? [];
  }

  /** Ends a read. */
  unpin(pin: number): void {
    const pinned = this.#pins.get(pin);
    this.#pins.delete(pin);
    for (const entry of pinned?.entries ?? []) this.#holdings.drop(entry);
  }

  /** Keeps entries until the lease is released. */
  grant(lease: Omit<LeaseRecord, 'id'>): LeaseRecord {
    for (const entry of lease.entries.values()) this.#holdings.hold(entry);
    this.#last += 1;
    const record = { ...lease, id: this.#last };
    this.#leases.set(record.id, record);
    return record;
  }

  get(lease: number): LeaseRecord | undefined {
    return this.#leases.get(lease);
  }

  /** Leases that hold a generation of a key. */
  countOf(key: string): number {
    return [...this.#leases.values()].filter(({ entries }) => entries.has(key)).length;
  }

  /** Every entry that a read or a lease holds. */
  *entries(): Generator<Entry> {
    for (const { entries } of this.#leases.values()) yield* entries.values();
    for (const { entries } of this.#pins.values()) yield* entries;
  }

  /** Ends a lease. */
  release(lease: number): void {
    const record = this.#leases.get(lease);
    this.#leases.delete(lease);
    for (const entry of record?.entries.values() ?? []) this.#holdings.drop(entry);
  }

  /** Ends a lease whose holder may go on reading. */
  #abandon(lease: number): void {
    const record = this.#leases.get(lease);
    this.#leases.delete(lease);
    for (const entry of record?.entries.values() ?? []) this.#holdings.abandon(entry);
  }

  /** Gives leases to a new connection of their holder; returns those that have ended. */
  adopt(session: string, leases: readonly number[]): number[] {
    const ended: number[] = [];
    for (const id of leases) {
      const record = this.#leases.get(id);
      if (record === undefined) ended.push(id);
      else record.session = session;
    }
    return ended;
  }

  /** Ends the reads of a session. Returns its leases, which wait for their holder to come back. */
  endSession(session: string): number[] {
    for (const [pin, { session: owner, entries }] of this.#pins) {
      if (owner !== session) continue;
      this.#pins.delete(pin);
      for (const entry of entries) this.#holdings.abandon(entry);
    }
    const orphans = [...this.#leases.values()].filter((lease) => lease.session === session);
    for (const lease of orphans) lease.session = undefined;
    return orphans.map(({ id }) => id);
  }

  /** Ends those of the leases whose holder did not come back. */
  expire(leases: readonly number[]): void {
    for (const id of leases) {
      const record = this.#leases.get(id);
      if (record !== undefined && record.session === undefined) this.#abandon(id);
    }
  }
}
