import { CallRows } from './call-rows.ts';
import type { Call } from './plan.ts';

/** Dead rows that are kept in any case: a few do not matter. */
const SLACK = 256;

/** What comes first: `priority`, by which the oldest of the highest priority does, or only the oldest. */
export type HeapOrder = 'priority' | 'arrival';

/** Calls that wait, in a binary heap. One whose limit ended its wait is dropped when its turn comes, or with many others. */
export class CallHeap {
  readonly #rows = new CallRows();
  readonly #order: HeapOrder;
  /** Rows of calls whose wait is over. */
  #dead = 0;

  constructor(order: HeapOrder) {
    this.#order = order;
  }

  get size(): number {
    return this.#rows.length - this.#dead;
  }

  add(call: Call): void {
    this.#rows.push(call);
    let row = this.#rows.length - 1;
    while (row > 0) {
      const parent = (row - 1) >> 1;
      if (!this.#isBefore(row, parent)) return;
      this.#rows.swap(row, parent);
      row = parent;
    }
  }

  /** Priority and arrival of the first call; `undefined` when there is none. */
  get first(): Pick<Call, 'ticket' | 'arrivedAtMs'> | undefined {
    const rows = this.#rows;
    while (rows.length > 0 && rows.ticket(0).limit?.isOver) this.#drop();
    return rows.length === 0 ? undefined : { ticket: rows.ticket(0), arrivedAtMs: rows.arrivedAtMs(0) };
  }

  /** Removes the first call. */
  take(): Call | undefined {
    if (this.first === undefined) return undefined;
    const call = this.#rows.call(0);
    this.#removeFirst();
    return call;
  }

  /** Removes all calls, in order. */
  takeAll(): Call[] {
    const calls: Call[] = [];
    for (let call = this.take(); call; call = this.take()) calls.push(call);
    return calls;
  }

  /** The limit of one of its calls is over. */
  bury(): void {
    this.#dead++;
    if (this.#dead <= SLACK || this.#dead * 2 <= this.#rows.length) return;
    for (const call of this.takeAll()) this.add(call);
  }

  #drop(): void {
    this.#dead--;
    this.#removeFirst();
  }

  #removeFirst(): void {
    const rows = this.#rows;
    rows.swap(0, rows.length - 1);
    rows.pop();
    for (let row = 0; ; ) {
      const left = 2 * row + 1;
      const right = left + 1;
      let next = row;
      if (left < rows.length && this.#isBefore(left, next)) next = left;
      if (right < rows.length && this.#isBefore(right, next)) next = right;
      if (next === row) return;
      rows.swap(row, next);
      row = next;
    }
  }

  #isBefore(one: number, other: number): boolean {
    const rows = this.#rows;
    if (this.#order === 'priority') {
      const difference = rows.ticket(one).plan.priority - rows.ticket(other).plan.priority;
      if (difference !== 0) return difference > 0;
    }
    return rows.arrivedAtMs(one) < rows.arrivedAtMs(other);
  }
}
