import type { OverQuota } from './batch.ts';

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

  /** Why there is no room for so many bytes beside those in use; undefined when there is. */
  refusal({ used, wanted }: { readonly used: number; readonly wanted: number }): OverQuota | undefined {
    const taken = used + this.#reserved;
    return taken + wanted > this.limit ? { status: 'overQuota', limit: this.limit, used: taken, wanted } : undefined;
  }

  /** Sets bytes aside for which there is room; returns the number of the reservation. */
  reserve(session: string, bytes: number): number {
    this.#last += 1;
    this.#reservations.set(this.#last, { session, bytes });
    this.#reserved += bytes;
    return this.#last;
  }

  /** Gives bytes back: they are in use now, or will not be written. Returns how many. */
  release(reservation: number): number {
    const bytes = this.#reservations.get(reservation)?.bytes ?? 0;
    this.#reservations.delete(reservation);
    this.#reserved -= bytes;
    return bytes;
  }

  endSession(session: string): void {
    for (const [id, reservation] of this.#reservations) if (reservation.session === session) this.release(id);
  }
}
