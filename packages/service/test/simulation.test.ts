import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SimulationError } from '@forge/monarch/testing';
import { expect, test } from 'vitest';
import { Fleet } from '../src/replicas/fleet.ts';
import { RULES } from '../src/replicas/life.ts';
import { MissedCalls } from '../src/replicas/missed-calls.ts';
import { Replica } from '../src/replicas/replica.ts';
import { CallHeap } from '../src/routing/call-heap.ts';
import type { Call } from '../src/routing/plan.ts';
import { SessionDesk } from '../src/routing/session-desk.ts';
import { simulateService } from './fixtures/simulated/workload.ts';

/** How many services; `FORGE_SEEDS=20000` tests more. */
const SEEDS = Number(process.env['FORGE_SEEDS'] ?? 200);
const REPLAY = fileURLToPath(new URL('./fixtures/simulated/replay.ts', import.meta.url));

/**
 * What holds in each: every call settles once. One that may be repeated, or that no replica had begun, has its value
 * while a replica can live; one that may not be repeated runs at most once. No replica runs more calls than it may, or
 * any before it is warm and has been told what all were told. Calls come to a replica in order; those of a session to
 * one, as long as it lives. What an update replaced serves nothing more. In the end nothing runs, and no timer waits.
 */
test(`in ${SEEDS} simulated services no call is lost, doubled, mixed up or served too early`, {
  timeout: 3_600_000,
}, async () => {
  const sums: Record<string, number> = {};
  for (let seed = 0; seed < SEEDS; seed++) {
    const { value, left, counters } = await simulateService(seed);
    expect({ seed, violations: value.violations, left }).toEqual({ seed, violations: [], left: [] });
    for (const [name, count] of Object.entries({ ...counters, ...value.events }))
      sums[name] = (sums[name] ?? 0) + count;
  }
  // Otherwise it was no test.
  for (const name of ['crashed', 'partitions', 'ejected', 'probing', 'draining', 'recovering', 'requestRetried']) {
    expect(sums[name], name).toBeGreaterThan(SEEDS / 20);
  }
});

test('the same seed gives the same simulation, also in another process of the system', async () => {
  const [first, second] = [await simulateService(7), await simulateService(7)];
  expect(second.trace).toEqual(first.trace);
  const replayed = execFileSync(process.execPath, [REPLAY, '7'], { encoding: 'utf8' });
  expect(replayed.trimEnd().split('\n').at(-1)).toBe(`hash ${first.hash}`);
});

/** Replaces a member until it is disposed. */
function replaced<T extends object>(target: T, name: keyof T, descriptor: PropertyDescriptor): Disposable {
  const before = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, { ...before, ...descriptor, configurable: true });
  return {
    [Symbol.dispose]: () => {
      if (before) Object.defineProperty(target, name, before);
    },
  };
}

const { admit } = Replica.prototype;
const { take } = CallHeap.prototype;

/** Takes requests as if every endpoint were declared so. */
function admitAs(idempotent: boolean): PropertyDescriptor {
  return {
    value: function admitWrongly(this: Replica) {
      const admission = admit.call(this);
      const cards = [...admission.incarnation.endpoints].map(
        ([name, card]) => [name, { ...card, idempotent }] as const,
      );
      const endpoints = new Map(cards);
      return { ...admission, incarnation: { ...admission.incarnation, endpoints } };
    },
  };
}

/** Rules of a service, each with how to switch it off. */
const RULES_OFF: Readonly<Record<string, () => Disposable>> = {
  'a replica has a limit': () =>
    replaced(Replica.prototype, 'hasFreeSlot', {
      get(this: Replica) {
        return this.state === 'healthy';
      },
    }),
  'a replica warms up first': () =>
    replaced(RULES.initializing, 'started', { value: RULES.warming.caughtUp, enumerable: true }),
  'what all are told waits for those that cannot hear it': () => replaced(MissedCalls.prototype, 'add', { value() {} }),
  'a replica finishes before it ends': () =>
    replaced(Replica.prototype, 'drain', {
      async value(this: Replica) {
        await this.stop();
      },
    }),
  'only what is idempotent runs twice': () => replaced(Replica.prototype, 'admit', admitAs(true)),
  'what is idempotent is tried again': () => replaced(Replica.prototype, 'admit', admitAs(false)),
  'a session sticks': () => replaced(SessionDesk.prototype, 'homeOf', { value: () => undefined }),
  'the oldest goes first': () =>
    replaced(CallHeap.prototype, 'take', {
      value(this: CallHeap) {
        const calls: Call[] = [];
        for (let call = take.call(this); call; call = take.call(this)) calls.push(call);
        const last = calls.pop();
        for (const call of calls) this.add(call);
        return last;
      },
    }),
  'an update replaces every replica': () => replaced(Fleet.prototype, 'surge', { async value() {} }),
  'a shutdown waits for the end of all': () =>
    replaced(Fleet.prototype, 'stop', {
      async value(this: Fleet) {
        for (const replica of this.replicas) void replica.stop();
      },
    }),
};

/** Seeds within which a broken rule must show. */
const BOUND = 50;

test.each(Object.entries(RULES_OFF))(
  'it is found out when it does not hold that %s',
  { timeout: 120_000 },
  async (_, off) => {
    const isFound = async (seed: number) => {
      try {
        return (await simulateService(seed)).value.violations.length > 0;
      } catch (error) {
        if (error instanceof SimulationError) return true;
        throw error;
      }
    };
    let seed = 0;
    using _off = off();
    while (seed < BOUND && !(await isFound(seed))) seed++;
    expect(seed).toBeLessThan(BOUND);
  },
);
