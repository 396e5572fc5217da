import type { Giver, Offers } from './offers.ts';
import { readNumbers } from './peers.ts';
import { SlotPool } from './slot-pool.ts';

/** What stages of a pipeline hand to each other: a stage goes on while what it sent waits to be received. */
export class PipelineLink {
  readonly #offers: Offers;
  readonly #givers: readonly Giver[];
  /** Two of each kind: one is read while the next is made. */
  readonly #pools = new Map<string, SlotPool>();

  constructor({ offers, givers }: { readonly offers: Offers; readonly givers: readonly Giver[] }) {
    this.#offers = offers;
    this.#givers = givers;
  }

  get bytesHeld(): number {
    const numbers = [...this.#pools.values()].reduce((sum, pool) => sum + pool.numbersHeld, 0);
    return numbers * Float32Array.BYTES_PER_ELEMENT;
  }

  /**
   * Lets one other stage receive numbers under a key, `<kind>.<…>`, or `undefined` in place of them. Waits while two of the
   * kind have not been received.
   */
  async send(key: string, numbers: Float32Array | undefined): Promise<void> {
    const kind = key.slice(0, key.indexOf('.'));
    const pool = this.#pools.get(kind) ?? new SlotPool(2);
    this.#pools.set(kind, pool);
    if (numbers === undefined || numbers.length === 0) {
      this.#offers.offer(key, undefined, { readers: 1, giveBack: () => undefined });
      return;
    }
    const slot = await pool.take(numbers.length);
    slot.numbers.set(numbers);
    this.#offers.offer(key, slot, { readers: 1, giveBack: () => pool.giveBack(slot) });
  }

  /** Fills `into` with what a stage sends under a key. @returns false when that is `undefined` */
  async receive(key: string, stage: number, into: Float32Array): Promise<boolean> {
    const giver = this.#givers[stage]!; // one a stage
    const buffer = await giver.take(key);
    if (buffer !== undefined) await readNumbers(stage, buffer, { at: 0, into });
    giver.done(key);
    return buffer !== undefined;
  }

  /** Ends all waiting. */
  fail(reason: unknown): void {
    this.#offers.fail(reason);
    for (const pool of this.#pools.values()) pool.fail(reason);
  }
}
