/** What one reader of events has not read yet. */
interface Reader<T> {
  readonly unread: T[];
  wake: () => void;
}

/** Events that a reader may leave unread; then it loses the oldest. */
const MAX_UNREAD = 10_000;

/** Tells events to whoever reads at the time, until it ends. */
export class EventStream<T> {
  readonly #readers = new Set<Reader<T>>();
  #hasEnded = false;

  tell(event: T): void {
    for (const { unread, wake } of this.#readers) {
      unread.push(event);
      if (unread.length > MAX_UNREAD) unread.shift();
      wake();
    }
  }

  /** Readers get what was told before, and then their end. */
  end(): void {
    this.#hasEnded = true;
    for (const { wake } of this.#readers) wake();
  }

  /** Everything that is told from this call on. */
  read(): AsyncIterableIterator<T, undefined> {
    const reader: Reader<T> = { unread: [], wake: () => {} };
    this.#readers.add(reader);
    return this.#iterate(reader);
  }

  async *#iterate(reader: Reader<T>): AsyncGenerator<T, undefined> {
    try {
      for (;;) {
        yield* reader.unread.splice(0);
        if (reader.unread.length > 0) continue;
        if (this.#hasEnded) return undefined;
        await new Promise<void>((resolve) => {
          reader.wake = resolve;
        });
      }
    } finally {
      this.#readers.delete(reader);
    }
  }
}
