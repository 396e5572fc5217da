import type { RemoteBuffer } from '@forge/monarch';
import type { Slot } from './slot-pool.ts';

/** What one rank does for the others: it hands over what it has offered, and takes it back when they have read it. */
export interface Giver {
  /** Memory that was offered under a key, as soon as it is; `undefined` when there is nothing under it. */
  take(key: string): Promise<RemoteBuffer | undefined>;
  /** What was taken has been read. */
  done(key: string): void;
}

interface Offer {
  readonly slot: PromiseWithResolvers<Slot | undefined>;
  /** How often it has been read. */
  reads: number;
  /** What happens when as many have read it as are to. */
  onRead: { readonly readers: number; readonly giveBack: () => void } | undefined;
}

/** Memory of this rank that waits to be read by others, by keys that all of them know. */
export class Offers implements Giver {
  readonly #offers = new Map<string, Offer>();
  #failure: { readonly reason: unknown } | undefined;

  /**
   * Lets others read a slot.
   *
   * @param slot - `undefined` when there is nothing to read
   * @param onRead - once each of the readers has read it
   */
  offer(
    key: string,
    slot: Slot | undefined,
    onRead: { readonly readers: number; readonly giveBack: () => void },
  ): void {
    const offer = this.#of(key);
    offer.onRead = onRead;
    offer.slot.resolve(slot);
    this.#forgetIfRead(key, offer);
  }

  async take(key: string): Promise<RemoteBuffer | undefined> {
    return (await this.#of(key).slot.promise)?.buffer;
  }

  done(key: string): void {
    const offer = this.#of(key);
    offer.reads++;
    this.#forgetIfRead(key, offer);
  }

  /** Tells all that wait, now or later, that nothing more will come. */
  fail(reason: unknown): void {
    this.#failure = { reason };
    for (const { slot } of this.#offers.values()) slot.reject(reason);
  }

  #of(key: string): Offer {
    const known = this.#offers.get(key);
    if (known !== undefined) return known;
    const offer: Offer = { slot: Promise.withResolvers(), reads: 0, onRead: undefined };
    offer.slot.promise.catch(() => undefined); // told to those who wait for it
    if (this.#failure !== undefined) offer.slot.reject(this.#failure.reason);
    this.#offers.set(key, offer);
    return offer;
  }

  #forgetIfRead(key: string, { reads, onRead }: Offer): void {
    if (onRead === undefined || reads < onRead.readers) return;
    this.#offers.delete(key);
    onRead.giveBack();
  }
}
