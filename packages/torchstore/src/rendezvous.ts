import type { Batch, BeginOutcome, Claim, CommitOutcome, RankClaim, Refusal } from './batch.ts';
import { disagreement, Pending, partialOverlap } from './pending.ts';

/** A rank may be this many puts ahead of the slowest one; more would pile up bytes for ranks that may never come. */
const maxPendingPerName = 8;
/** Ended transactions whose reason is remembered for participants that have not heard of it. */
const maxEnded = 1_000;

/** What became of a batch: it waits, it is refused, or its put is complete and has to be shown. */
export type Arrival =
  | Exclude<CommitOutcome, { readonly status: 'visible' }>
  | { readonly status: 'complete'; readonly pending: Pending };

/** Where ranks meet: every unfinished put and transaction, under its name. */
export class Rendezvous {
  readonly #byName = new Map<string, Pending[]>();
  readonly #ended = new Map<number, string>();
  readonly #free: (batch: Batch) => void;
  #lastId = 0;
  #lastBatch = 0;

  /** @param free lets go of the bytes of a batch that will never be visible */
  constructor(free: (batch: Batch) => void) {
    this.#free = free;
  }

  get size(): number {
    return [...this.#byName.values()].reduce((sum, queue) => sum + queue.length, 0);
  }

  /** Registers a rank with the transaction that it belongs to, or with a new one. */
  begin(claim: RankClaim): BeginOutcome {
    const { name, session, version, participant } = claim;
    const queue = this.#byName.get(name) ?? [];
    if (version !== undefined && queue.some((each) => each.isTaken(claim)))
      return { status: 'taken', rank: participant.rank };
    const pending = this.#join(queue, claim, (each) => each.accepts(claim));
    if (!(pending instanceof Pending)) return pending;
    pending.begin(participant.rank, session);
    return { status: 'begun', transaction: pending.id };
  }

  #join(queue: Pending[], claim: Claim, accepts: (pending: Pending) => boolean): Pending | Refusal {
    const present = queue.find(accepts);
    if (present !== undefined) return present;
    if (queue.length >= maxPendingPerName) return { status: 'tooFarAhead', missingRanks: queue[0]!.missingRanks };
    this.#lastId += 1;
    const pending = new Pending(this.#lastId, claim);
    this.#byName.set(claim.name, [...queue, pending]);
    return pending;
  }

  /** Adds what a rank has written to its put. A refused batch keeps its bytes: they are the caller's to free. */
  arrive(batch: Batch): Arrival {
    const pending = this.#find(batch);
    if (!(pending instanceof Pending)) return pending;
    const refusal =
      disagreement([...pending.parts, ...batch.parts], [...pending.objects, ...batch.objects]) ??
      (batch.participant === undefined ? partialOverlap(batch.parts, pending.parts) : undefined);
    if (refusal !== undefined) return refusal;
    this.#lastBatch += 1;
    pending.add(batch, this.#lastBatch);
    if (!pending.isComplete()) return { status: 'pending', missingRanks: pending.missingRanks, batch: this.#lastBatch };
    this.#settle(pending);
    const flaw = pending.flaw();
    if (flaw === undefined) return { status: 'complete', pending };
    for (const earlier of pending.batches) if (earlier !== batch) this.#free(earlier);
    return flaw;
  }

  #find(batch: Batch): Pending | Refusal {
    const queue = this.#byName.get(batch.name) ?? [];
    if (batch.transaction === undefined) {
      const first = queue[0];
      const overlap =
        batch.participant === undefined && first !== undefined ? partialOverlap(batch.parts, first.parts) : undefined;
      return overlap ?? this.#join(queue, batch, (each) => each.accepts(batch, batch.parts));
    }
    const own = queue.find(({ id }) => id === batch.transaction);
    if (own?.hasBegun(batch.participant?.rank, batch.session)) return own;
    return { status: 'aborted', reason: this.#ended.get(batch.transaction) ?? 'it has ended' };
  }

  /** Takes a complete put from its queue, and those before it: what began earlier must not replace it later. */
  #settle(complete: Pending): void {
    const queue = this.#byName.get(complete.name) ?? [];
    const place = queue.indexOf(complete);
    for (const older of queue.slice(0, place)) this.#end(older, 'a newer put is complete');
    this.#setQueue(complete.name, queue.slice(place + 1));
  }

  #setQueue(name: string, queue: Pending[]): void {
    if (queue.length === 0) this.#byName.delete(name);
    else this.#byName.set(name, queue);
  }

  #end(pending: Pending, reason: string): void {
    for (const batch of pending.batches) this.#free(batch);
    this.#ended.set(pending.id, reason);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > maxEnded && oldest !== undefined) this.#ended.delete(oldest);
  }

  /** Ends unfinished puts and frees what has arrived of them; returns how many there were. */
  abort(matches: (pending: Pending) => boolean, reason: string): number {
    let count = 0;
    for (const [name, queue] of [...this.#byName]) {
      const rest = queue.filter((pending) => !matches(pending));
      if (rest.length === queue.length) continue;
      for (const pending of queue) if (!rest.includes(pending)) this.#end(pending, reason);
      count += queue.length - rest.length;
      this.#setQueue(name, rest);
    }
    return count;
  }

  /** Takes a batch back that has arrived, as if its rank had not come. */
  retract(number: number): void {
    for (const pending of this.of(() => true)) {
      const batch = pending.remove(number);
      if (batch === undefined) continue;
      this.#free(batch);
      this.abort((each) => each === pending && each.isDeserted, 'nobody is part of it any more');
    }
  }

  /** Takes back what a session has begun in one transaction; others may go on, and this rank may begin again. */
  withdraw(session: string, transaction: number): void {
    for (const pending of this.of(({ id }) => id === transaction)) pending.withdraw(session, false);
    this.abort(({ id, isDeserted }) => id === transaction && isDeserted, 'nobody is part of it any more');
  }

  /** Takes back what a lost session has begun. Returns the transactions that expect it to come back. */
  endSession(session: string): number[] {
    const left = this.of((pending) => pending.withdraw(session, true));
    this.abort((pending) => pending.isDeserted && left.includes(pending), 'nobody is part of it any more');
    return left.filter(({ isDeserted }) => !isDeserted).map(({ id }) => id);
  }

  /** Unfinished puts, oldest first within each name. */
  of(matches: (pending: Pending) => boolean): Pending[] {
    return [...this.#byName.values()].flatMap((queue) => queue.filter(matches));
  }

  /** Unfinished puts that a key or name waits for. */
  named(name: string): Pending[] {
    return this.of(
      (pending) =>
        pending.name === name ||
        pending.parts.some(({ key }) => key === name) ||
        pending.objects.some(({ key }) => key === name),
    );
  }
}
