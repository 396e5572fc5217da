import type { Call, Ticket } from './plan.ts';

/** Rows of a block: small beside many calls, and a block that is not full wastes little. */
const BLOCK = 256;

interface Block {
  readonly arrivals: number[];
  readonly tickets: (Ticket | undefined)[];
  readonly args: (readonly unknown[] | undefined)[];
  readonly resolves: (Call['resolve'] | undefined)[];
}

const newBlock = (): Block => ({
  // A fraction, so that they are kept as doubles from the first on.
  arrivals: new Array<number>(BLOCK).fill(0.5),
  tickets: new Array(BLOCK),
  args: new Array(BLOCK),
  resolves: new Array(BLOCK),
});

/**
 * Calls in columns: four words each. As objects they would take three times as much, and very many may wait.
 * Rows are numbered from 0; whoever uses them keeps to those there are.
 */
export class CallRows {
  readonly #blocks: Block[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push({ arrivedAtMs, ticket, args, resolve }: Call): void {
    const row = this.#length++;
    if (row % BLOCK === 0 && row / BLOCK === this.#blocks.length) this.#blocks.push(newBlock());
    const block = this.#blockOf(row);
    const at = row % BLOCK;
    block.arrivals[at] = arrivedAtMs;
    block.tickets[at] = ticket;
    block.args[at] = args;
    block.resolves[at] = resolve;
  }

  /** Drops the last row. */
  pop(): void {
    const row = --this.#length;
    const block = this.#blockOf(row);
    const at = row % BLOCK;
    block.tickets[at] = undefined;
    block.args[at] = undefined;
    block.resolves[at] = undefined;
    // One empty block stays, for whoever goes back and forth over its edge.
    if (at === 0) this.#blocks.length = row / BLOCK + 1;
  }

  call(row: number): Call {
    const { args, resolves } = this.#blockOf(row);
    const at = row % BLOCK;
    return { arrivedAtMs: this.arrivedAtMs(row), ticket: this.ticket(row), args: args[at]!, resolve: resolves[at]! };
  }

  arrivedAtMs(row: number): number {
    return this.#blockOf(row).arrivals[row % BLOCK]!;
  }

  ticket(row: number): Ticket {
    return this.#blockOf(row).tickets[row % BLOCK]!;
  }

  swap(one: number, other: number): void {
    const [a, b, i, j] = [this.#blockOf(one), this.#blockOf(other), one % BLOCK, other % BLOCK];
    [a.arrivals[i], b.arrivals[j]] = [b.arrivals[j]!, a.arrivals[i]!];
    [a.tickets[i], b.tickets[j]] = [b.tickets[j], a.tickets[i]];
    [a.args[i], b.args[j]] = [b.args[j], a.args[i]];
    [a.resolves[i], b.resolves[j]] = [b.resolves[j], a.resolves[i]];
  }

  #blockOf(row: number): Block {
    return this.#blocks[Math.floor(row / BLOCK)]!;
  }
}
