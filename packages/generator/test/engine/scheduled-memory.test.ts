import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Schedulable, Scheduler } from '../../src/engine/scheduler.ts';
import { bucketOf, type Room } from '../../src/runner/cache/kv-budget.ts';
import type { KvCache } from '../../src/runner/cache/kv-cache.ts';
import { KvMemory } from '../../src/runner/cache/kv-memory.ts';
import type { Move } from '../../src/runner/cache/kv-slots.ts';
import { atOnce } from '../runner/cache/at-once.ts';

/** Requests in all; 10,000 by hand. */
const numRequests = Number(process.env['FORGE_RANDOM_REQUESTS'] ?? 300);

/** One number a token as its key, and one as its value: every cell can be told from every other. */
const shape = { numLayers: 1, numKvHeads: 1, headDim: 1 };
const bytesPerToken = 8;
/** Nine buckets of 64 tokens: what the longest sequence wants three times, and less than what five of them want. */
const kvCacheBytes = 9 * 64 * bytesPerToken;
const limits = { maxSequences: 5, maxPrefillTokens: 100 };

/** What a token leaves in the cache follows from all tokens before it and the weights; float32 holds it exactly. */
const cellOf = (before: number, id: number, weights: number): number =>
  (before * 31 + id * 7 + weights + 1) % 16_777_213;

class Member implements Schedulable {
  readonly priority: number;
  readonly arrival: number;
  readonly numWanted: number;
  readonly ids: number[];
  cachedIds: readonly number[];
  /** What its slot must hold, one a computed token. */
  cells: number[] = [];
  /** The weights that all of its cells are of. */
  weights: number | undefined;

  constructor(
    arrival: number,
    {
      priority,
      ids,
      cachedIds,
      numNew,
    }: { priority: number; ids: number[]; cachedIds: readonly number[]; numNew: number },
  ) {
    this.arrival = arrival;
    this.priority = priority;
    this.ids = ids;
    this.cachedIds = cachedIds;
    this.numWanted = ids.length + numNew;
  }

  get numTokens(): number {
    return this.ids.length;
  }
}

/** Scheduler and memory, driven as a step of the engine drives them, over a model whose keys and values are {@link cellOf}. */
class Simulation {
  readonly memory = new KvMemory(shape, { kvCacheBytes, prefixCaching: true });
  readonly scheduler = new Scheduler<Member>({ ...limits, fits: (demand) => this.memory.fits(demand) });
  readonly #leaving = new Set<Member>();
  #weights = 0;
  numRequests = 0;
  numPreempted = 0;
  numKnown = 0;
  numForked = 0;

  submit(promptIds: readonly number[], n: number, rest: { readonly priority: number; readonly numNew: number }): void {
    const arrival = this.numRequests++;
    const cachedIds = promptIds.slice(0, -1);
    this.scheduler.add(
      Array.from({ length: n }, () => new Member(arrival, { ids: [...promptIds], cachedIds, ...rest })),
    );
  }

  /** Gives up, or stops, the members at these places among all there are. */
  leave(choices: readonly number[]): void {
    const all = [...this.scheduler.running, ...this.scheduler.waiting];
    for (const choice of choices) if (all.length > 0) this.#leaving.add(all[choice % all.length]!);
  }

  update(): void {
    this.#weights++;
    this.memory.forgetAll();
  }

  step(): void {
    this.#release();
    this.#fork();
    this.#prefill();
    this.#decode();
    this.#release();
    expect(this.memory.numBytes).toBeLessThanOrEqual(kvCacheBytes);
  }

  #release(): void {
    this.scheduler.running.forEach((member, slot) => {
      if (!this.#leaving.has(member) || member.weights !== this.#weights) return;
      atOnce(this.memory.keep(member.ids.slice(0, member.cells.length), slot));
    });
    this.#move(this.scheduler.release(this.#leaving));
    this.#leaving.clear();
  }

  #move(moves: readonly Move[]): void {
    for (const move of moves) atOnce(this.memory.copySlot(move, this.scheduler.running[move.to]!.cells.length));
  }

  #fork(): void {
    const forks = this.scheduler.admitFrom(({ weights }) => weights === this.#weights);
    if (forks.length > 0) atOnce(this.memory.reserve(this.#room(), false));
    for (const { sequence, from, to } of forks) {
      const { length } = sequence.cachedIds;
      this.#begin(sequence, sequence.cachedIds);
      atOnce(this.memory.copySlot({ from, to }, length));
      this.numForked++;
    }
  }

  #prefill(): void {
    const isAlone = (ids: readonly number[]) => ids.length > limits.maxPrefillTokens || this.memory.numKept(ids) > 0;
    const admissions = this.scheduler.admitTogether(isAlone);
    const computed = admissions.filter(({ ids }) => ids.length > 0);
    for (const { ids, sequences } of admissions) for (const member of sequences) this.#begin(member, ids);
    if (computed.length > 0) {
      const capacity = bucketOf(Math.max(...computed.map(({ ids }) => ids.length)));
      atOnce(this.memory.takeScratch({ numSlots: computed.length, capacity }, this.#room()));
      computed.forEach(({ ids, sequences, slots }, row) => {
        write(this.memory.scratch, row, sequences[0]!.cells, 0);
        atOnce(this.memory.place(ids, row, slots));
      });
    }
    if (admissions.length === 0) this.#prefillAlone();
  }

  #prefillAlone(): void {
    const ids = this.scheduler.nextAlone();
    if (!ids) return;
    atOnce(this.memory.takeScratch({ numSlots: 1, capacity: bucketOf(ids.length) }, this.#room()));
    const numKnown = atOnce(this.memory.restore(ids));
    this.numKnown += numKnown;
    const cells = this.#cellsOf(ids);
    expect(read(this.memory.scratch, 0, numKnown)).toEqual(cells.slice(0, numKnown)); // of these tokens and weights
    write(this.memory.scratch, 0, cells.slice(numKnown), numKnown);
    const { sequences, slots } = this.scheduler.admitAlone(ids);
    for (const member of sequences) this.#begin(member, ids);
    atOnce(this.memory.reserve(this.#room(), true));
    atOnce(this.memory.place(ids, 0, slots));
  }

  #begin(member: Member, ids: readonly number[]): void {
    member.cells = this.#cellsOf(ids);
    member.weights = this.#weights;
  }

  #cellsOf(ids: readonly number[]): number[] {
    let before = 0;
    return ids.map((id) => {
      before = cellOf(before, id, this.#weights);
      return before;
    });
  }

  #decode(): void {
    const moves = this.scheduler.preempt(0, (member) => {
      this.numPreempted++;
      member.weights = undefined;
      member.cells = [];
      member.cachedIds = member.ids.slice(0, -1);
    });
    this.#move(moves);
    const { running } = this.scheduler;
    if (running.length === 0) return;
    atOnce(this.memory.reserve(this.#room(), false));
    running.forEach((member, slot) => {
      expect(read(this.memory.slots, slot, member.cells.length)).toEqual(member.cells);
    });
    running.forEach((member, slot) => {
      const at = member.cells.length;
      const cell = cellOf(member.cells.at(-1) ?? 0, member.ids[at]!, this.#weights);
      write(this.memory.slots, slot, [cell], at);
      member.cells.push(cell);
      if (member.weights !== this.#weights) member.weights = undefined;
      member.ids.push(cell % 3);
      if (member.numTokens >= member.numWanted) this.#leaving.add(member);
    });
  }

  #room(): Room {
    const { running } = this.scheduler;
    return { numSlots: running.length, longest: Math.max(1, ...running.map(({ numTokens }) => numTokens)) };
  }
}

/** A token's key is its cell and its value the opposite of it. */
function write(cache: KvCache, slot: number, cells: readonly number[], from: number): void {
  atOnce(cache.write(slot, from, Float32Array.from([...cells, ...cells.map((cell) => -cell)])));
}

function read(cache: KvCache, slot: number, numTokens: number): readonly number[] {
  const copy = cache.allocateBlock(numTokens);
  atOnce(cache.read(slot, 0, copy));
  const block = [...copy];
  expect(block.slice(numTokens)).toEqual(block.slice(0, numTokens).map((cell) => -cell));
  return block.slice(0, numTokens);
}

type Command = fc.Command<object, Simulation>;
const command = (name: string, run: (real: Simulation) => void): Command => ({
  check: () => true,
  run: (_, real) => run(real),
  toString: () => name,
});
/** Prompts have prefixes in common: they begin with as many zeros as they like. */
const submit = fc
  .record({
    numZeros: fc.integer({ min: 1, max: 70 }),
    rest: fc.array(fc.nat(2), { maxLength: 50 }),
    n: fc.integer({ min: 1, max: 4 }),
    priority: fc.nat(2),
    numNew: fc.integer({ min: 1, max: 60 }),
  })
  .map(({ numZeros, rest, n, ...others }) =>
    command(
      `submit(${n} of ${numZeros} + ${rest.length} tokens, ${others.numNew} new, priority ${others.priority})`,
      (real) => real.submit([...Array<number>(numZeros).fill(0), ...rest], n, others),
    ),
  );
const steps = fc.integer({ min: 1, max: 12 }).map((count) =>
  command(`steps(${count})`, (real) => {
    for (let step = 0; step < count; step++) real.step();
  }),
);
const leave = fc
  .array(fc.nat(20), { minLength: 1, maxLength: 3 })
  .map((choices) => command(`leave(${choices})`, (real) => real.leave(choices)));
const update = fc.constant(command('update()', (real) => real.update()));

test(`of ${numRequests} requests with cancels, stops, updates and too little memory, each finds its own keys and values, all end, and no block stays`, () => {
  let numSubmitted = 0;
  let numPreempted = 0;
  let numKnown = 0;
  let numForked = 0;
  const commands = fc.commands([submit, submit, steps, steps, leave, update], { maxCommands: 60, size: 'max' });
  const property = fc.property(commands, (run) => {
    const real = new Simulation();
    fc.modelRun(() => ({ model: {}, real }), run);
    for (let left = 20_000; real.scheduler.running.length + real.scheduler.waiting.length > 0; left--) {
      expect(left).toBeGreaterThan(0); // all end
      real.step();
    }
    real.memory.forgetAll();
    expect(real.memory.numKeptTokens).toBe(0);
    numSubmitted += real.numRequests;
    numPreempted += real.numPreempted;
    numKnown += real.numKnown;
    numForked += real.numForked;
  });
  while (numSubmitted < numRequests) fc.assert(property, { numRuns: 10 });
  expect(numPreempted).toBeGreaterThan(0);
  expect(numKnown).toBeGreaterThan(0);
  expect(numForked).toBeGreaterThan(0);
});
