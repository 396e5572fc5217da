import type { ReserveOutcome } from './batch.ts';

interface Reservation {
  readonly session: string;
  readonly bytes: number;
}

/** Bytes that writers are about to write, so that two of them never share the same free space. */
export class Quota {
  readonly limit: number;
  readonly #reservations = new Map<number, Reservation>();
  #reserved = 0;
  #last = 0;

  /** @param limit bytes of all tensors; Infinity for none */
  constructor(limit: number) {
    this.limit = limit;
  }

  get reserved(): number {
    return this.#reserved;
  }

  /** Sets bytes aside beside those in use. */
  reserve(
    session: string,
    { used, wanted }: { readonly used: number; readonly wanted: number },
  ): Exclude<ReserveOutcome, { readonly status: 'sessionEnded' }> {
    const taken = used + this.#reserved;
    if (taken + wanted > this.limit) return { status: 'overQuota', limit: this.limit, used: taken, wanted };
    this.#last += 1;
    this.#reservations.set(this.#last, { session, bytes: wanted });
    this.#reserved += wanted;
    return { status: 'reserved', reservation: this.#last };
  }

  /** Gives bytes back: they are in use now, or will not be written. */
  release(reservation: number): void {
    const found = this.#reservations.get(reservation);
    if (found === undefined) return;
    this.#reservations.delete(reservation);
    this.#reserved -= found.bytes;
  }

  endSession(session: string): void {
    for (const [id, reservation] of this.#reservations) if (reservation.session === session) this.release(id);
  }
}
