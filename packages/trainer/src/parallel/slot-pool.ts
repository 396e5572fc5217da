import { exportBuffer, type RemoteBuffer } from '@forge/monarch';

/** Memory that other ranks can read. */
export interface Slot {
  readonly numbers: Float32Array;
  readonly buffer: RemoteBuffer;
}

/** A few slots that are used again and again; it belongs to the actor that asks for the first. */
export class SlotPool {
  readonly #free: (Slot | undefined)[];
  readonly #waiting: PromiseWithResolvers<Slot | undefined>[] = [];
  #numbersHeld = 0;
  #failure: { readonly reason: unknown } | undefined;

  /** @param count - slots that may be in use at a time */
  constructor(count: number) {
    this.#free = Array(count).fill(undefined);
  }

  /** Numbers that all slots have room for. */
  get numbersHeld(): number {
    return this.#numbersHeld;
  }

  /** A slot with room for `length` numbers, as soon as one is free. Its memory is larger when it was. */
  async take(length: number): Promise<Slot> {
    if (this.#failure !== undefined) throw this.#failure.reason;
    const slot = this.#free.length > 0 ? this.#free.pop() : await this.#next();
    if (slot !== undefined && slot.numbers.length >= length) return slot;
    if (slot !== undefined) await slot.buffer.drop();
    this.#numbersHeld += length - (slot?.numbers.length ?? 0);
    const numbers = new Float32Array(length);
    return { numbers, buffer: exportBuffer(numbers) };
  }

  giveBack(slot: Slot): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(slot);
    else next.resolve(slot);
  }

  /** Ends all waiting, now and later. */
  fail(reason: unknown): void {
    this.#failure = { reason };
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }

  #next(): Promise<Slot | undefined> {
    const waiting = Promise.withResolvers<Slot | undefined>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }
}
