/** Something that is going to happen. */
export interface QueuedEvent {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
  /** It is for somebody who is gone. */
  readonly isVoid: () => boolean;
  isCancelled: boolean;
}

/** What is going to happen, in order of time; what is due at the same time, in the order in which it was added. */
export class EventQueue {
  readonly #heap: QueuedEvent[] = [];
  #nowMs = 0;
  #order = 0;
  #size = 0;

  /** Time of the latest event. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many are to come. */
  get size(): number {
    return this.#size;
  }

  /** Time of the next one. */
  get nextMs(): number | undefined {
    this.#dropCancelled();
    return this.#heap[0]?.atMs;
  }

  /** Times of all that are to come, in no order. */
  get times(): readonly number[] {
    return this.#heap.filter(({ isCancelled }) => !isCancelled).map(({ atMs }) => atMs);
  }

  /** Adds one, which does not happen when it is void by then; the returned function takes it back. */
  add(delayMs: number, run: () => void, isVoid: () => boolean = () => false): () => void {
    if (delayMs === Number.POSITIVE_INFINITY) return () => {};
    const event = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run, isVoid, isCancelled: false };
    this.#heap.push(event);
    this.#rise(this.#heap.length - 1);
    this.#size++;
    return () => {
      if (event.isCancelled) return;
      event.isCancelled = true;
      this.#size--;
    };
  }

  /** Takes the next one; its time is now. */
  take(): QueuedEvent | undefined {
    this.#dropCancelled();
    const event = this.#pop();
    if (event === undefined) return undefined;
    event.isCancelled = true;
    this.#size--;
    this.#nowMs = event.atMs;
    return event;
  }

  /** Nothing is due until then. @throws {RangeError} when something is */
  skipTo(atMs: number): void {
    if ((this.nextMs ?? Number.POSITIVE_INFINITY) < atMs) throw new RangeError(`Something is due before ${atMs} ms.`);
    this.#nowMs = Math.max(this.#nowMs, atMs);
  }

  #dropCancelled(): void {
    for (let [first] = this.#heap; first !== undefined; [first] = this.#heap) {
      if (!first.isCancelled && !first.isVoid()) return;
      if (!first.isCancelled) this.#size--;
      first.isCancelled = true;
      this.#pop();
    }
  }

  #pop(): QueuedEvent | undefined {
    const [first] = this.#heap;
    const last = this.#heap.pop();
    if (first !== last && last !== undefined) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    return first;
  }

  // Indexes below stay within the heap.
  #rise(from: number): void {
    let i = from;
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (isBefore(this.#heap[up]!, this.#heap[i]!)) return;
      this.#swap(i, up);
      i = up;
    }
  }

  #sink(from: number): void {
    let i = from;
    for (;;) {
      const left = 2 * i + 1;
      const right = left + 1;
      let least = i;
      if (left < this.#heap.length && isBefore(this.#heap[left]!, this.#heap[least]!)) least = left;
      if (right < this.#heap.length && isBefore(this.#heap[right]!, this.#heap[least]!)) least = right;
      if (least === i) return;
      this.#swap(i, least);
      i = least;
    }
  }

  #swap(i: number, j: number): void {
    [this.#heap[i], this.#heap[j]] = [this.#heap[j]!, this.#heap[i]!];
  }
}

function isBefore(a: QueuedEvent, b: QueuedEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
