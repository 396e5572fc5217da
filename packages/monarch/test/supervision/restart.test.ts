import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type FailureKind, MeshFailure } from '../../src/errors.ts';
import { extentOf } from '../../src/mesh/extent.ts';
import { Lives } from '../../src/supervision/lives.ts';
import { restartDelayMs } from '../../src/supervision/restart.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';

function failure(generation: number, kind: FailureKind = 'exception', restarting = false): MeshFailure {
  const points = [extentOf({}).point(0)];
  return new MeshFailure({ mesh: 'm', points, kind, generation, restarting, problem: 'failed.' });
}

/** The lives of a mesh of one actor whose restarts succeed, or fail as often as `makes` says. */
function lives(max: number, makes: readonly boolean[] = []) {
  const clock = manualClock();
  const told: MeshFailure[] = [];
  const made: number[] = [];
  const lost: MeshFailure[] = [];
  const policy = { max, withinMs: 1_000, backoffMs: 10, maxBackoffMs: 40 };
  const one = new Lives({ clock, random: () => 0 }, policy, {
    make: async (_, generation) => {
      made.push(generation);
      if (makes[made.length - 1] === false) throw new RangeError('not this time');
    },
    notMade: (_, generation) => failure(generation, 'setup'),
    giveUp: (_, final) => void lost.push(final),
    tell: (failed) => void told.push(failed),
  });
  return { clock, told, made, lost, one };
}

test('a wait doubles with every restart that counts up to its limit, and chance adds less than a half', () => {
  const policy = { max: 100, withinMs: 1_000, backoffMs: 10, maxBackoffMs: 200 };
  fc.assert(
    fc.property(fc.array(fc.nat(2_000)), fc.double({ min: 0, max: 0.999, noNaN: true }), (times, chance) => {
      const recent = times.filter((time) => 2_000 - time < 1_000).length;
      const delayMs = restartDelayMs(times, 2_000, chance, policy) ?? Number.NaN;
      const leastMs = Math.min(10 * 2 ** recent, 200);
      expect(delayMs).toBeGreaterThanOrEqual(leastMs);
      expect(delayMs).toBeLessThan(leastMs * 1.5);
      expect(restartDelayMs(times, 2_000, chance, { ...policy, max: recent })).toBeUndefined();
    }),
  );
});

test('restarts that are longer ago than the window do not count', async () => {
  const { clock, told, made, one } = lives(1);
  one.failed(0, failure(0));
  await clock.advance(10);
  await clock.advance(1_000);
  one.failed(0, failure(1));
  await clock.advance(10);
  expect(made).toEqual([1, 2]);
  one.failed(0, failure(2));
  expect(told.map(({ restarting }) => restarting)).toEqual([true, true, false]);
});

test('however failures and time alternate, each is told once, and nothing is made after the final one', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(4), fc.array(fc.boolean()), fc.array(fc.nat(60)), async (max, makes, waits) => {
      const { clock, told, made, lost, one } = lives(max, makes);
      for (const waitMs of waits) {
        one.failed(0, failure(one.generation(0)));
        await clock.advance(waitMs);
      }
      const finals = told.filter(({ restarting }) => !restarting);
      expect(made).toEqual(Array.from({ length: made.length }, (_, i) => i + 1));
      expect(made.length).toBeLessThanOrEqual(told.length);
      expect(new Set(told.map(({ generation }) => generation)).size).toBe(told.length);
      expect(finals.length).toBeLessThanOrEqual(1);
      expect(lost).toEqual(finals);
      if (finals.length === 1) {
        expect(told.at(-1)).toBe(finals[0]);
        expect(made).toHaveLength(told.length - 1);
      }
      await one.stop();
      expect(clock.pending).toEqual([]);
    }),
  );
});

test('a failure of the new actor that overtakes the news of its start is told after it', async () => {
  const { clock, told, made, one } = lives(5);
  one.failed(0, failure(0));
  one.failed(0, failure(1));
  await clock.advance(10);
  expect(told.map(({ generation }) => generation)).toEqual([0, 1]);
  await clock.advance(20);
  expect(made).toEqual([1, 2]);
});

test('a process that is lost while its actor is restarted ends the restart there', async () => {
  const { clock, told, made, one } = lives(5);
  one.failed(0, failure(0));
  expect(one.lost(0, failure(0, 'signal', true))).toBe(false);
  await clock.advance(100);
  expect(made).toEqual([]);
  await one.remake(0);
  expect(made).toEqual([1]);
  expect(one.lost(0, failure(1, 'signal'))).toBe(true);
  expect(one.lost(0, failure(1, 'signal'))).toBe(false);
  expect(told).toHaveLength(1);
});
