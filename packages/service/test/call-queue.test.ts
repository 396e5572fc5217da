import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AbortWatch } from '../src/routing/abort-watch.ts';
import { CallQueue } from '../src/routing/call-queue.ts';
import { type Call, Plan } from '../src/routing/plan.ts';
import { WaitLimit } from '../src/routing/wait-limit.ts';
import { ManualClock } from './fixtures/manual-clock.ts';

const aborts = new AbortWatch();
const TARGETS = ['a', 'b'] as const;

interface Waiting {
  readonly id: number;
  readonly priority: number;
  /** `undefined` when any will do. */
  readonly target: string | undefined;
  readonly isLimited: boolean;
}

const where = fc.constantFrom(undefined, ...TARGETS);
const add = fc.record({
  do: fc.constant('add' as const),
  target: where,
  priority: fc.integer({ min: -1, max: 1 }),
  isLimited: fc.boolean(),
  // Calls that were taken come back in their old places.
  isOld: fc.boolean(),
});
const target = fc.constantFrom(...TARGETS);
const commands = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: add },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('take' as const, 'takePinned' as const), target }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('unpin' as const), target }) },
    { weight: 1, arbitrary: fc.constant({ do: 'takeOpen' as const }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('giveUp' as const), pick: fc.nat(1000) }) },
  ),
  { maxLength: 150, size: 'max' },
);

/** What a queue must do, by searching a list. */
class Model {
  waiting: Waiting[] = [];

  /** Removes what `wanted` says, the highest priority first and the oldest of one priority. */
  take(wanted: (call: Waiting) => boolean, count = Number.POSITIVE_INFINITY): number[] {
    const ids = this.waiting
      .filter(wanted)
      .toSorted((a, b) => b.priority - a.priority || a.id - b.id)
      .slice(0, count)
      .map(({ id }) => id);
    this.waiting = this.waiting.filter(({ id }) => !ids.includes(id));
    return ids;
  }
}

test('it does what a list that is searched does, whatever comes, comes back, is moved and gives up', () => {
  fc.assert(
    fc.property(commands, (steps) => {
      const queue = new CallQueue<string>();
      const model = new Model();
      const clock = new ManualClock();
      const controllers = new Map<number, AbortController>();
      const taken: Waiting[] = [];
      let lastId = 0;
      const callOf = ({ id, priority, isLimited }: Waiting): Call => {
        const abort = new AbortController();
        controllers.set(id, abort);
        const plan = new Plan({ endpoint: 'echo', priority, signal: abort.signal });
        const options = { service: 'echoes', clock, aborts, arrivedAtMs: id, over: () => {} };
        const limit = isLimited ? new WaitLimit(plan, options) : undefined;
        return { ticket: { ...plan.ticket, limit }, args: [id], arrivedAtMs: id, resolve: () => {} };
      };
      const known = new Map<number, Waiting>();
      const idOf = (call: Call | undefined) => (call ? [call.arrivedAtMs] : []);
      const noteTaken = (ids: readonly number[]) => taken.push(...ids.flatMap((id) => known.get(id) ?? []));
      for (const step of steps) {
        if (step.do === 'add') {
          const id = (step.isOld && taken.pop()?.id) || ++lastId;
          const call = { ...step, id };
          known.set(id, call);
          model.waiting.push(call);
          queue.add(callOf(call), step.target);
        } else if (step.do === 'take' || step.do === 'takePinned') {
          const isPinned = step.do === 'takePinned';
          const expected = model.take((call) => call.target === step.target || (!isPinned && !call.target), 1);
          expect(idOf(queue.take(step.target, isPinned ? 'pinned' : 'all'))).toEqual(expected);
          noteTaken(expected);
        } else if (step.do === 'unpin') {
          const expected = model.take((call) => call.target === step.target);
          expect(queue.unpin(step.target).flatMap(idOf)).toEqual(expected);
          noteTaken(expected);
        } else if (step.do === 'takeOpen') {
          const expected = model.take((call) => !call.target);
          expect(queue.takeOpen().flatMap(idOf)).toEqual(expected);
          noteTaken(expected);
        } else if ('pick' in step) {
          const limited = model.waiting.filter(({ isLimited }) => isLimited);
          const victim = limited[step.pick % Math.max(1, limited.length)];
          if (!victim) continue;
          controllers.get(victim.id)?.abort();
          model.take(({ id }) => id === victim.id);
        }
        expect(queue.size).toBe(model.waiting.length);
        for (const name of TARGETS) {
          expect(queue.pinnedTo(name)).toBe(model.waiting.filter((call) => call.target === name).length);
        }
      }
      const rest = queue.takeAll().map((call) => call.arrivedAtMs);
      expect(rest.toSorted((a, b) => a - b)).toEqual(model.waiting.map(({ id }) => id).toSorted((a, b) => a - b));
    }),
    { numRuns: 200 },
  );
});

test('of calls without a target the oldest is the first, whatever their priorities', () => {
  const queue = new CallQueue<string>();
  [3, 1, 2].forEach((arrivedAtMs) => {
    const { ticket } = new Plan({ endpoint: 'echo', priority: arrivedAtMs });
    queue.addUnrouted({ ticket, args: [], arrivedAtMs, resolve: () => {} });
  });
  expect(queue.firstUnrouted?.arrivedAtMs).toBe(1);
  expect([1, 2, 3].map(() => queue.takeUnrouted()?.arrivedAtMs)).toEqual([1, 2, 3]);
  expect(queue.takeUnrouted()).toBeUndefined();
});

test('of 30,000 calls a third gives up; the others stay, and their order holds', () => {
  const queue = new CallQueue<string>();
  const abort = new AbortController();
  const plan = new Plan({ endpoint: 'echo', signal: abort.signal });
  const count = 30_000;
  for (let arrivedAtMs = 0; arrivedAtMs < count; arrivedAtMs++) {
    const options = { service: 'echoes', clock: new ManualClock(), aborts, arrivedAtMs, over: () => {} };
    const limit = arrivedAtMs % 3 === 0 ? new WaitLimit(plan, options) : undefined;
    queue.add({ ticket: { ...plan.ticket, limit }, args: [], arrivedAtMs, resolve: () => {} });
  }
  abort.abort();
  expect(queue.size).toBe((count * 2) / 3);
  const order = queue.takeAll().map(({ arrivedAtMs }) => arrivedAtMs);
  expect(order).toHaveLength((count * 2) / 3);
  expect(order.every((id, i) => id % 3 !== 0 && id > (order[i - 1] ?? -1))).toBe(true);
});
