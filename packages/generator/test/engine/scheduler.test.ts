import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Schedulable, Scheduler } from '../../src/engine/scheduler.ts';
import { KvBudget } from '../../src/runner/cache/kv-budget.ts';
import type { Move } from '../../src/runner/cache/kv-slots.ts';

interface Member extends Schedulable {
  readonly name: string;
  numTokens: number;
  cachedIds: readonly number[];
}
interface Model {
  /** What each slot must hold, by the moves and admissions the scheduler told. */
  readonly slots: Map<number, Member>;
  readonly waiting: Set<Member>;
  numAdded: number;
}
const maxSequences = 5;
const maxPrefillTokens = 12;
/** Buckets of 64 tokens: five of them in slots and scratch together. */
const budget = new KvBudget(5 * 64);
const limits = { maxSequences, maxPrefillTokens, fits: budget.fits.bind(budget) };
const unlimited = { ...limits, fits: () => true };
const together = () => false;

function group(arrival: number, numTokens: number, n: number, priority = 0): readonly Member[] {
  const cachedIds = Array.from({ length: numTokens - 1 }, (_, at) => at);
  return Array.from({ length: n }, (_, index) => ({
    ...{ arrival, priority, numTokens, cachedIds },
    name: `${arrival}.${index}`,
  }));
}

const inOrder = (members: Iterable<Member>) =>
  [...members].sort((a, b) => a.priority - b.priority || a.arrival - b.arrival);
const hasRoom = (members: readonly Member[], numScratchTokens: number) =>
  budget.fits({
    numSlots: members.length,
    longest: Math.max(0, ...members.map(({ numTokens }) => numTokens)),
    numScratchTokens,
  });

function invariants(model: Model, real: Scheduler<Member>): void {
  const slots = [...model.slots.keys()].sort((a, b) => a - b);
  expect(slots).toEqual(slots.map((_, slot) => slot)); // dense: none leaked, none shared
  expect(slots.length).toBeLessThanOrEqual(maxSequences);
  expect(real.running).toEqual(slots.map((slot) => model.slots.get(slot)));
  expect(new Set(real.waiting)).toEqual(model.waiting);
  const key = ({ priority, arrival }: Member) => [priority, arrival];
  expect(real.waiting.map(key)).toEqual(inOrder(model.waiting).map(key));
}

function applyMoves(model: Model, moves: readonly Move[]): void {
  for (const { from, to } of moves) {
    expect(model.slots.has(to)).toBe(false); // a move never overwrites a live slot
    model.slots.set(to, model.slots.get(from)!);
    model.slots.delete(from);
  }
}

function take(model: Model, sequences: readonly Member[], slots: readonly number[]): void {
  expect(sequences).toHaveLength(slots.length);
  for (const [at, sequence] of sequences.entries()) {
    expect(model.waiting.delete(sequence)).toBe(true);
    expect(model.slots.has(slots[at]!)).toBe(false);
    model.slots.set(slots[at]!, sequence);
  }
}

type Command = fc.Command<Model, Scheduler<Member>>;
const command = (name: string, run: Command['run']): Command => ({ check: () => true, run, toString: () => name });

const add = fc
  .tuple(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 0, max: 2 }))
  .map(([numTokens, n, priority]) =>
    command(`add(${n} of ${numTokens} tokens, priority ${priority})`, (model, real) => {
      const members = group(model.numAdded++, numTokens, n, priority);
      real.add(members);
      for (const member of members) model.waiting.add(member);
      invariants(model, real);
    }),
  );

const admitTogether = command('admitTogether()', (model, real) => {
  const next = inOrder(model.waiting)[0];
  const numFree = maxSequences - model.slots.size;
  const isAlone = (ids: readonly number[]) => ids.length > 40;
  const admissions = real.admitTogether(isAlone);
  const expected = [...inOrder(model.waiting)];
  for (const { ids, sequences, slots } of admissions) {
    expect(isAlone(ids)).toBe(false);
    for (const sequence of sequences) {
      expect(expected.shift()?.arrival).toBe(sequence.arrival); // in order
      expect(sequence.cachedIds).toBe(ids);
    }
    take(model, sequences, slots);
  }
  const longest = Math.max(0, ...admissions.map(({ ids }) => ids.length));
  if (admissions.length > 1) expect(admissions.length * longest).toBeLessThanOrEqual(maxPrefillTokens);
  if (admissions.length > 0) expect(hasRoom([...model.slots.values()], 0)).toBe(true);
  else if (next && numFree > 0 && !isAlone(next.cachedIds)) {
    expect(hasRoom([...model.slots.values(), next], 64 * Math.ceil(next.cachedIds.length / 64))).toBe(false);
  }
  invariants(model, real);
});

const admitFrom = fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }).map((choices) =>
  command(`admitFrom(${choices})`, (model, real) => {
    const isSource = ({ arrival }: Member) => choices[arrival % choices.length]!;
    const expected = [...inOrder(model.waiting)];
    const sources = new Map(model.slots);
    const forks = real.admitFrom(isSource);
    for (const { sequence, from, to } of forks) {
      expect(expected.shift()?.arrival).toBe(sequence.arrival); // in order
      expect(sources.get(from)?.cachedIds).toBe(sequence.cachedIds);
      expect(isSource(sources.get(from)!)).toBe(true);
      take(model, [sequence], [to]);
    }
    const next = expected[0];
    if (forks.length > 0) expect(hasRoom([...model.slots.values()], 0)).toBe(true);
    else if (next && [...sources.values()].some((each) => each.cachedIds === next.cachedIds && isSource(each))) {
      const isFull = model.slots.size === maxSequences;
      expect(isFull || !hasRoom([...model.slots.values(), next], 0)).toBe(true);
    }
    invariants(model, real);
  }),
);

const admitAlone = command('admitAlone()', (model, real) => {
  const ids = real.nextAlone();
  if (!ids) return;
  const first = inOrder(model.waiting)[0]!;
  expect(ids).toBe(first.cachedIds);
  const { sequences, slots } = real.admitAlone(ids);
  expect(sequences.length).toBeGreaterThan(0);
  take(model, sequences, slots);
  expect(hasRoom([...model.slots.values()], 64 * Math.ceil(ids.length / 64))).toBe(true);
  invariants(model, real);
});

const growAndPreempt = fc.integer({ min: 0, max: 64 }).map((numScratchTokens) =>
  command(`growAndPreempt(beside ${numScratchTokens})`, (model, real) => {
    for (const member of model.slots.values()) member.numTokens += 7;
    const bySlot = [...model.slots].sort(([a], [b]) => a - b).map(([, member]) => member);
    const before = inOrder(bySlot); // of one group, the last slot is the least urgent
    const preempted: Member[] = [];
    const moves = real.preempt(numScratchTokens, (member) => preempted.push(member));
    const kept = before.slice(0, before.length - preempted.length);
    for (const [slot, member] of model.slots) if (preempted.includes(member)) model.slots.delete(slot);
    for (const member of preempted) model.waiting.add(member);
    applyMoves(model, moves);
    expect(new Set(kept)).toEqual(new Set(model.slots.values())); // the least urgent went, and no other
    if (kept.length > 1) expect(hasRoom(kept, numScratchTokens)).toBe(true);
    const last = preempted.at(-1);
    if (last) expect(hasRoom([...kept, last], numScratchTokens)).toBe(false); // none went in vain
    invariants(model, real);
  }),
);

const release = fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }).map((choices) =>
  command(`release(${choices})`, (model, real) => {
    const all = [...real.running, ...real.waiting];
    const leaving = new Set(all.filter((_, at) => choices[at % choices.length]));
    for (const [slot, member] of model.slots) if (leaving.has(member)) model.slots.delete(slot);
    applyMoves(model, real.release(leaving));
    for (const member of leaving) model.waiting.delete(member);
    invariants(model, real);
  }),
);

describe('Scheduler', () => {
  test('leaks and shares no slot, keeps the order and the memory, and preempts no more than it must', () => {
    const all = [add, fc.constant(admitTogether), fc.constant(admitAlone), admitFrom, growAndPreempt, release];
    fc.assert(
      fc.property(fc.commands(all, { maxCommands: 60 }), (run) => {
        const start = () => ({
          model: { slots: new Map(), waiting: new Set<Member>(), numAdded: 0 },
          real: new Scheduler<Member>(limits),
        });
        fc.modelRun(start, run);
      }),
      { numRuns: 500 },
    );
  });

  test('everything that is added finishes, when running sequences do', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 9 }))), (groups) => {
        const scheduler = new Scheduler<Member>(limits);
        const members = groups.flatMap(([numTokens, n], at) => group(at, numTokens, n));
        scheduler.add(members);
        const finished: Member[] = [];
        for (let step = 0; step < members.length; step++) {
          scheduler.admitTogether(together);
          const oldest = scheduler.running.filter((_, slot) => slot % 2 === 0);
          finished.push(...oldest);
          scheduler.release(new Set(oldest));
        }
        expect(new Set(finished)).toEqual(new Set(members));
        expect(finished).toHaveLength(members.length);
      }),
    );
  });

  test('a group that fits shares one admission, and one that does not is split over steps', () => {
    const scheduler = new Scheduler<Member>(unlimited);
    scheduler.add(group(0, 3, 7));
    expect(scheduler.admitTogether(together).map(({ slots }) => slots)).toEqual([[0, 1, 2, 3, 4]]);
    expect(scheduler.admitTogether(together)).toEqual([]);
    const moves = scheduler.release(new Set([scheduler.running[0]!, scheduler.running[3]!]));
    expect(moves).toEqual([{ from: 4, to: 0 }]);
    expect(scheduler.admitTogether(together).map(({ slots }) => slots)).toEqual([[3, 4]]);
  });
});
