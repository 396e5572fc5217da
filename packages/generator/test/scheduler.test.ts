import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Schedulable, Scheduler } from '../src/scheduler.ts';

interface Member extends Schedulable {
  readonly name: string;
}
interface Model {
  /** What each slot must hold, by the moves and admissions the scheduler told. */
  readonly slots: Map<number, Member>;
  readonly waiting: Member[];
  numAdded: number;
}
const maxSequences = 5;
const maxPrefillTokens = 12;

function group(name: string, numTokens: number, n: number): readonly Member[] {
  const promptIds = Array.from({ length: numTokens }, (_, at) => at);
  const owner = {};
  return Array.from({ length: n }, (_, index) => ({ group: owner, promptIds, name: `${name}.${index}` }));
}

function invariants(model: Model, real: Scheduler<Member>): void {
  const slots = [...model.slots.keys()].sort((a, b) => a - b);
  expect(slots).toEqual(slots.map((_, slot) => slot)); // dense: none leaked, none shared
  expect(slots.length).toBeLessThanOrEqual(maxSequences);
  expect(real.running).toEqual(slots.map((slot) => model.slots.get(slot)));
  expect(real.waiting).toEqual(model.waiting);
}

class Add implements fc.Command<Model, Scheduler<Member>> {
  readonly numTokens: number;
  readonly n: number;
  constructor(numTokens: number, n: number) {
    this.numTokens = numTokens;
    this.n = n;
  }
  check = () => true;
  run(model: Model, real: Scheduler<Member>): void {
    const members = group(`g${model.numAdded++}`, this.numTokens, this.n);
    real.add(members);
    model.waiting.push(...members);
    invariants(model, real);
  }
  toString = () => `add(${this.numTokens} tokens × ${this.n})`;
}

class Admit implements fc.Command<Model, Scheduler<Member>> {
  check = () => true;
  run(model: Model, real: Scheduler<Member>): void {
    const numFree = maxSequences - model.slots.size;
    const admissions = real.admit();
    for (const { promptIds, sequences, slots } of admissions) {
      expect(sequences).toHaveLength(slots.length);
      for (const [at, sequence] of sequences.entries()) {
        expect(sequence).toBe(model.waiting.shift()); // the order of arrival
        expect(sequence.promptIds).toEqual(promptIds);
        expect(sequence.group).toBe(sequences[0]?.group);
        expect(model.slots.has(slots[at]!)).toBe(false);
        model.slots.set(slots[at]!, sequence);
      }
    }
    const longest = Math.max(0, ...admissions.map(({ promptIds }) => promptIds.length));
    if (admissions.length > 1) expect(admissions.length * longest).toBeLessThanOrEqual(maxPrefillTokens);
    if (numFree > 0 && admissions.length === 0) expect(model.waiting).toHaveLength(0); // always progress
    invariants(model, real);
  }
  toString = () => 'admit()';
}

class Release implements fc.Command<Model, Scheduler<Member>> {
  readonly choices: readonly boolean[];
  constructor(choices: readonly boolean[]) {
    this.choices = choices;
  }
  check = () => true;
  run(model: Model, real: Scheduler<Member>): void {
    const all = [...real.running, ...real.waiting];
    const leaving = new Set(all.filter((_, at) => this.choices[at % this.choices.length]));
    for (const [slot, member] of model.slots) if (leaving.has(member)) model.slots.delete(slot);
    for (const { from, to } of real.release(leaving)) {
      expect(model.slots.has(to)).toBe(false); // a move never overwrites a live slot
      model.slots.set(to, model.slots.get(from)!);
      model.slots.delete(from);
    }
    model.waiting.splice(0, model.waiting.length, ...model.waiting.filter((member) => !leaving.has(member)));
    invariants(model, real);
  }
  toString = () => `release(${this.choices})`;
}

describe('Scheduler', () => {
  test('no slot is leaked or shared, the order of arrival is kept, and admission always makes progress', () => {
    const commands = fc.commands(
      [
        fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 7 })).map(([t, n]) => new Add(t, n)),
        fc.constant(new Admit()),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }).map((choices) => new Release(choices)),
      ],
      { maxCommands: 60 },
    );
    fc.assert(
      fc.property(commands, (run) => {
        fc.modelRun(
          () => ({
            model: { slots: new Map(), waiting: [], numAdded: 0 },
            real: new Scheduler<Member>({ maxSequences, maxPrefillTokens }),
          }),
          run,
        );
      }),
      { numRuns: 300 },
    );
  });

  test('everything that is added finishes, when running sequences do', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 9 }))), (groups) => {
        const scheduler = new Scheduler<Member>({ maxSequences, maxPrefillTokens });
        const members = groups.flatMap(([numTokens, n], at) => group(`g${at}`, numTokens, n));
        scheduler.add(members);
        const finished: Member[] = [];
        for (let step = 0; step < members.length; step++) {
          scheduler.admit();
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
    const scheduler = new Scheduler<Member>({ maxSequences, maxPrefillTokens });
    scheduler.add(group('a', 3, 7));
    expect(scheduler.admit().map(({ slots }) => slots)).toEqual([[0, 1, 2, 3, 4]]);
    expect(scheduler.admit()).toEqual([]);
    const moves = scheduler.release(new Set([scheduler.running[0]!, scheduler.running[3]!]));
    expect(moves).toEqual([{ from: 4, to: 0 }]);
    expect(scheduler.admit().map(({ slots }) => slots)).toEqual([[3, 4]]);
  });
});
