import fc from 'fast-check';
import { expect, test } from 'vitest';
import { greedyBaselineAdvantages, roleAdvantages } from '../src/baseline-advantages.ts';

const reward = fc.option(fc.double({ min: -2, max: 2, noNaN: true }), { nil: undefined });
const scoredOf = (rewards: readonly (number | undefined)[], greedy: number | undefined) =>
  rewards.map((one) => (one === undefined || greedy === undefined ? 0 : one - greedy));

test('a completion is worth what it earns beyond the greedy one of its prompt', () => {
  const groups = fc.integer({ min: 1, max: 5 }).chain((groupSize) =>
    fc.array(fc.record({ rewards: fc.array(reward, { minLength: groupSize, maxLength: groupSize }), greedy: reward }), {
      minLength: 1,
      maxLength: 5,
    }),
  );
  fc.assert(
    fc.property(groups, (all) => {
      const advantages = greedyBaselineAdvantages(
        all.flatMap(({ rewards }) => rewards),
        { groupSize: all[0]!.rewards.length, greedyRewards: all.map(({ greedy }) => greedy) },
      );
      expect(advantages).toEqual(all.flatMap(({ rewards, greedy }) => scoredOf(rewards, greedy)));
    }),
  );
  expect(() => greedyBaselineAdvantages([1, 0], { groupSize: 2, greedyRewards: [] })).toThrow(RangeError);
});

const rewarded = fc.array(fc.record({ reward, role: fc.constantFrom('buyer', 'seller') }), { maxLength: 20 });
const columns = (all: readonly { reward: number | undefined; role: string }[]) =>
  [all.map((one) => one.reward), all.map(({ role }) => role)] as const;

test('each role has a moving average of its own: b = 0.95 b + 0.05 R, and the advantage is R − b', () => {
  fc.assert(
    fc.property(rewarded, (all) => {
      const { advantages, baselines } = roleAdvantages(...columns(all));
      for (const role of ['buyer', 'seller']) {
        const own = all.flatMap((one, i) => (one.role === role && one.reward !== undefined ? [{ ...one, i }] : []));
        // Unrolled: the reward k steps ago counts 0.05 · 0.95^k.
        const averageAt = (n: number) =>
          own.slice(0, n + 1).reduce((sum, one, k) => sum + 0.05 * 0.95 ** (n - k) * one.reward!, 0);
        for (const [n, one] of own.entries()) expect(advantages[one.i]).toBeCloseTo(one.reward! - averageAt(n), 9);
        if (own.length > 0) expect(baselines[role]).toBeCloseTo(averageAt(own.length - 1), 9);
        else expect(baselines[role]).toBeUndefined();
      }
    }),
  );
  expect(() => roleAdvantages([1], [])).toThrow(RangeError);
});

test('batches one after the other give what they give together, when the baselines are handed on', () => {
  fc.assert(
    fc.property(rewarded, fc.nat(), (all, cut) => {
      const middle = cut % (all.length + 1);
      const first = roleAdvantages(...columns(all.slice(0, middle)));
      const second = roleAdvantages(...columns(all.slice(middle)), { baselines: first.baselines });
      const whole = roleAdvantages(...columns(all));
      expect([...first.advantages, ...second.advantages]).toEqual(whole.advantages);
      expect(second.baselines).toEqual(whole.baselines);
    }),
  );
});
