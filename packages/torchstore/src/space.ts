import type { Batch, OverQuota, ReserveOutcome } from './batch.ts';
import type { Catalog } from './catalog.ts';
import { bytesOfObjects, bytesOfParts, type Holdings } from './holdings.ts';
import type { Quota } from './quota.ts';

/** Room for bytes under a quota: older generations that nobody reads make some. */
export class Space {
  readonly quota: Quota;
  readonly #holdings: Holdings;
  readonly #catalog: Catalog;

  constructor(quota: Quota, holdings: Holdings, catalog: Catalog) {
    this.quota = quota;
    this.#holdings = holdings;
    this.#catalog = catalog;
  }

  /** Sets bytes aside for a writer. */
  reserve(session: string, wanted: number): ReserveOutcome {
    return this.#make(wanted) ?? { status: 'reserved', reservation: this.quota.reserve(session, wanted) };
  }

  /** Gives back what was set aside; returns how much that was. */
  release(reservations: readonly number[]): number {
    return reservations.reduce((bytes, reservation) => bytes + this.quota.release(reservation), 0);
  }

  /** Why what a batch takes beyond what was set aside for it does not fit; undefined when it does. */
  refusal({ parts, objects }: Batch, reserved: number): OverQuota | undefined {
    if (!Number.isFinite(this.quota.limit)) return undefined;
    const wanted = bytesOfParts(parts) + bytesOfObjects(objects) - reserved;
    return wanted > 0 ? this.#make(wanted) : undefined;
  }

  /** Lets older generations go until so many bytes fit; says why when they cannot. */
  #make(wanted: number): OverQuota | undefined {
    for (;;) {
      const refusal = this.quota.refusal({ used: this.#holdings.bytes, wanted });
      if (refusal === undefined || !this.#catalog.evictOldest()) return refusal;
    }
  }
}
