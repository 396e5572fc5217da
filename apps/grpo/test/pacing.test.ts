import fc from 'fast-check';
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
  pacing.batchFormed(4);
  expect(await admittedAtOnce(pacing)).toBe(0);
  pacing.advance();
  expect(await admittedAtOnce(pacing)).toBe(4);
});

test('a batch that is formed before the step on the last one is done counts on its own', async () => {
  const pacing = new Pacing({ groupsPerStep: 4, maxPolicyAge: 1 });
  await admittedAtOnce(pacing);
  pacing.batchFormed(4);
  pacing.batchFormed(3);
  expect(pacing.state).toMatchObject({ started: 8, done: 7 });
  pacing.advance();
  expect(await admittedAtOnce(pacing)).toBe(4);
  pacing.advance();
  expect(await admittedAtOnce(pacing)).toBe(3);
  pacing.advance();
  expect(await admittedAtOnce(pacing)).toBe(0);
});

test('what was evicted is replaced', async () => {
  const pacing = new Pacing({ groupsPerStep: 4, maxPolicyAge: 1 });
  await admittedAtOnce(pacing);
  pacing.evictedSoFar(3);
  expect(await admittedAtOnce(pacing)).toBe(3);
  pacing.evictedSoFar(3);
  expect(await admittedAtOnce(pacing)).toBe(0);
});

test('what is rejected is replaced', async () => {
  const pacing = new Pacing({ groupsPerStep: 4, maxPolicyAge: 0 });
  await admittedAtOnce(pacing);
  pacing.groupRejected(1);
  pacing.groupRejected(3);
  expect([pacing.candidates, pacing.replaced]).toEqual([4, 2]);
  expect(await admittedAtOnce(pacing)).toBe(2);
  pacing.batchFormed(4);
  expect(pacing.replaced).toBe(0);
  pacing.advance();
  expect(await admittedAtOnce(pacing)).toBe(4);
  expect(pacing.state).toMatchObject({ started: 10, done: 6 });
});

test('of more candidates than a batch needs, only those are replaced that it lacks', async () => {
  const pacing = new Pacing({ groupsPerStep: 4, maxPolicyAge: 0, overSampling: 1.5 });
  expect(await admittedAtOnce(pacing)).toBe(6);
  pacing.groupRejected(0);
  pacing.groupRejected(1);
  expect([pacing.candidates, pacing.replaced, await admittedAtOnce(pacing)]).toEqual([4, 0, 0]);
  pacing.groupRejected(2);
  expect([pacing.candidates, pacing.replaced, await admittedAtOnce(pacing)]).toEqual([4, 1, 1]);
});

test('whatever is rejected, and in whatever order groups end, a batch in turn is of the first that are not', async () => {
  const property = fc.asyncProperty(
    fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
    fc.constantFrom(1, 1.25, 2),
    fc.infiniteStream(fc.nat(1000)),
    async (isRejected, overSampling, choices) => {
      const groupsPerStep = 4;
      const pacing = new Pacing({ groupsPerStep, maxPolicyAge: 0, overSampling });
      for (let step = 0; step < 3; step++) {
        const first = pacing.state.started;
        const kept: number[] = [];
        await admittedAtOnce(pacing);
        while (kept.length < pacing.candidates) {
          const running = pacing.state.inFlight.filter((number) => !kept.includes(number));
          if (running.length === 0) return; // the numbers that are decided here have run out
          const number = running[choices.next().value! % running.length]!;
          if (isRejected[number] ?? false) pacing.groupRejected(number);
          else {
            kept.push(number);
            pacing.groupAdded(number);
          }
          await admittedAtOnce(pacing);
        }
        const { started, inFlight } = pacing.state;
        const numbers = Array.from({ length: started - first }, (_, i) => first + i);
        expect(inFlight).toEqual([]);
        expect(kept.toSorted((a, b) => a - b)).toEqual(numbers.filter((number) => !isRejected[number]));
        expect(kept.length).toBeGreaterThanOrEqual(groupsPerStep);
        expect(numbers.length).toBeGreaterThanOrEqual(groupsPerStep * overSampling);
        // None was begun that was not needed.
        if (numbers.length > groupsPerStep * overSampling) expect(kept.length).toBe(groupsPerStep);
        pacing.batchFormed(kept.length);
        pacing.advance();
      }
    },
  );
  await fc.assert(property, { numRuns: 50 });
});

test('a run that goes on counts what it turned away as done', async () => {
  const pacing = new Pacing({ groupsPerStep: 2, maxPolicyAge: 0 });
  await admittedAtOnce(pacing);
  pacing.groupRejected(0);
  await admittedAtOnce(pacing);
  pacing.groupAdded(1);
  pacing.groupAdded(2);
  pacing.batchFormed(2);
  const after = new Pacing({ groupsPerStep: 2, maxPolicyAge: 0 }, pacing.state);
  pacing.advance();
  expect(after.state).toEqual(pacing.state);
  expect(await admittedAtOnce(after)).toBe(2);
});

test('groups are numbered in the order of their start', async () => {
  const pacing = new Pacing({ groupsPerStep: 2, maxPolicyAge: 0 });
  expect([await pacing.admit(never), await pacing.admit(never)]).toEqual([0, 1]);
  const third = pacing.admit(never);
  pacing.batchFormed(2);
  pacing.advance();
  expect(await third).toBe(2);
});

test('a run that goes on begins its lost groups again, before others', async () => {
  const before = new Pacing({ groupsPerStep: 2, maxPolicyAge: 1 });
  for (let i = 0; i < 4; i++) await before.admit(never);
  before.groupAdded(0);
  before.groupAdded(2);
  expect(before.state).toEqual({ started: 4, inFlight: [1, 3], evicted: 0, done: 0 });
  const after = new Pacing({ groupsPerStep: 2, maxPolicyAge: 1 }, before.state);
  expect([await after.admit(never), after.state.inFlight]).toEqual([1, [3, 1]]);
  expect(await after.admit(never)).toBe(3);
  const next = after.admit(never);
  after.batchFormed(2);
  after.advance();
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
