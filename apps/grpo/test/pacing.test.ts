import { expect, test } from 'vitest';
import { Pacing } from '../src/pacing.ts';

const never = new AbortController().signal;
/** How many groups start without anything else happening. */
async function admittedAtOnce(pacing: Pacing): Promise<number> {
  const ended = new AbortController();
  let count = 0;
  const loop = (async () => {
    for (;;) {
      await pacing.admit(ended.signal);
      count += 1;
    }
  })();
  await new Promise((resolve) => setImmediate(resolve));
  ended.abort(new Error('ended'));
  await expect(loop).rejects.toThrow('ended');
  return count;
}

test.each([
  [0, 4],
  [1, 8],
  [3, 16],
])(
  'with a policy age of at most %i, %i groups of 4 a step may start before the first step',
  async (maxPolicyAge, count) => {
    expect(await admittedAtOnce(new Pacing({ groupsPerStep: 4, maxPolicyAge }))).toBe(count);
  },
);

test('every step admits as many as it used', async () => {
  const pacing = new Pacing({ groupsPerStep: 4, maxPolicyAge: 1 });
  await admittedAtOnce(pacing);
  pacing.advance(1);
  expect(await admittedAtOnce(pacing)).toBe(4);
});

test('what was evicted is replaced', async () => {
  const pacing = new Pacing({ groupsPerStep: 4, maxPolicyAge: 1 });
  await admittedAtOnce(pacing);
  pacing.evictedSoFar(3);
  expect(await admittedAtOnce(pacing)).toBe(3);
  pacing.evictedSoFar(3);
  expect(await admittedAtOnce(pacing)).toBe(0);
});

test('groups are numbered in the order of their start', async () => {
  const pacing = new Pacing({ groupsPerStep: 2, maxPolicyAge: 0 });
  expect([await pacing.admit(never), await pacing.admit(never)]).toEqual([0, 1]);
  const third = pacing.admit(never);
  pacing.advance(1);
  expect(await third).toBe(2);
});

test('a run that goes on begins its lost groups again, before others', async () => {
  const before = new Pacing({ groupsPerStep: 2, maxPolicyAge: 1 });
  for (let i = 0; i < 4; i++) await before.admit(never);
  before.groupAdded(0);
  before.groupAdded(2);
  expect(before.state).toEqual({ started: 4, inFlight: [1, 3], evicted: 0 });
  const after = new Pacing({ groupsPerStep: 2, maxPolicyAge: 1 }, before.state);
  expect([await after.admit(never), after.state.inFlight]).toEqual([1, [3, 1]]);
  expect(await after.admit(never)).toBe(3);
  const next = after.admit(never);
  after.advance(1);
  expect(await next).toBe(4);
});

test('waiting ends with the reason of the signal', async () => {
  const pacing = new Pacing({ groupsPerStep: 1, maxPolicyAge: 0 });
  const ended = new AbortController();
  const changed = pacing.changed(ended.signal);
  ended.abort(new Error('stopped'));
  await expect(changed).rejects.toThrow('stopped');
  await expect(pacing.admit(ended.signal)).rejects.toThrow('stopped');
});
