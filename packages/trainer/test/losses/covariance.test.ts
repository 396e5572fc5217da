import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tokensByCovariance } from '../../src/losses/covariance.ts';
import { heldBackTokens, type PolicyLossOptions, policyLoss } from '../../src/losses/policy.ts';

/** Sequences with their masks, log-probabilities and an advantage a token, at least one of which takes part. */
const batches = fc
  .array(
    fc.record({
      tokens: fc.array(
        fc.record({
          logProb: fc.double({ min: -9, max: -0.01, noNaN: true }),
          old: fc.double({ min: -9, max: -0.01, noNaN: true }),
          advantage: fc.double({ min: -3, max: 3, noNaN: true }),
          isMasked: fc.boolean(),
        }),
        { maxLength: 8 },
      ),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map((rows) => ({
    logProbs: rows.map(({ tokens }) => tokens.map(({ logProb }) => logProb)),
    samplerLogProbs: rows.map(({ tokens }) => tokens.map(({ old }) => old)),
    oldLogProbs: rows.map(({ tokens }) => tokens.map(({ old }) => old)),
    advantages: rows.map(({ tokens }) => tokens.map(({ advantage }) => advantage)),
    masks: rows.map(({ tokens }) => tokens.map(({ isMasked }) => Number(!isMasked))),
  }))
  .filter(({ masks }) => masks.flat().includes(1));

type Batch = typeof batches extends fc.Arbitrary<infer Value> ? Value : never;

/** The formula of the paper, over all tokens in a row; `undefined` where one is masked out. */
function covariances({ samplerLogProbs, advantages, masks }: Batch): readonly (number | undefined)[] {
  const isIn = masks.flat().map((one) => one === 1);
  const mean = (values: readonly number[]) => {
    const counted = values.filter((_, i) => isIn[i]);
    return counted.reduce((sum, value) => sum + value, 0) / counted.length;
  };
  const [l, a] = [samplerLogProbs.flat(), advantages.flat()];
  return l.map((value, i) => (isIn[i] ? (value - mean(l)) * (a[i]! - mean(a)) : undefined));
}

const marksOf = (batch: Batch, guard: 'clip' | 'penalize', share: number): readonly number[] =>
  tokensByCovariance({ ...batch, logProbs: batch.samplerLogProbs }, guard, { share }).flatMap((row) => [...row]);

const shares = fc.constantFrom(1e-4, 0.2, 0.5, 1);
const allowed = (batch: Batch, share: number) =>
  Math.max(1, Math.floor(share * batch.masks.flat().filter((one) => one === 1).length));

test('kl_cov holds back the tokens whose covariance is largest', () => {
  fc.assert(
    fc.property(batches, shares, (batch, share) => {
      const marks = marksOf(batch, 'penalize', share);
      const all = covariances(batch);
      const held = all.filter((_, i) => marks[i] === 1);
      const free = all.filter((value, i) => marks[i] === 0 && value !== undefined);
      expect(held.length).toBe(allowed(batch, share));
      for (const value of held) for (const other of free) expect(value!).toBeGreaterThanOrEqual(other! - 1e-9);
    }),
  );
});

test('clip_cov holds back tokens whose covariance is between its bounds, as many as there are and may be', () => {
  fc.assert(
    fc.property(batches, shares, (batch, share) => {
      const marks = marksOf(batch, 'clip', share);
      const all = covariances(batch);
      const fit = all.filter((value) => value !== undefined && value > 1 + 1e-9 && value < 5 - 1e-9).length;
      const held = all.filter((_, i) => marks[i] === 1);
      for (const value of held) expect(value! > 1 - 1e-9 && value! < 5 + 1e-9).toBe(true);
      expect(held.length).toBeGreaterThanOrEqual(Math.min(fit, allowed(batch, share)));
      expect(held.length).toBeLessThanOrEqual(allowed(batch, share));
      expect(marksOf(batch, 'clip', share)).toEqual(marks);
    }),
  );
});

test.each([
  ['clip_cov', 'dapo', { epsilonHigh: 0.2 }],
  ['kl_cov', 'dapo', { epsilonLow: 1e9, epsilonHigh: 1e9 }],
] as const)('%s is its plain loss but at the tokens that it holds back', (name, plain, bounds) => {
  fc.assert(
    fc.property(batches, (batch) => {
      const covariance = { share: 0.3, penalty: 0.7 };
      const guarded = policyLoss(batch, { name, covariance });
      const free = policyLoss(batch, { name: plain, ...bounds });
      const marks = heldBackTokens(batch, { name, covariance })!;
      const count = batch.masks.flat().filter((one) => one === 1).length;
      for (const [b, row] of marks.entries()) {
        for (const [t, mark] of row.entries()) {
          const weight = free.weights[b]![t]!;
          const drift = batch.logProbs[b]![t]! - batch.oldLogProbs[b]![t]!;
          const held = name === 'clip_cov' ? 0 : weight + (0.7 * Math.sign(drift)) / count;
          expect(guarded.weights[b]![t]).toBeCloseTo(mark === 1 ? held : weight, 9);
        }
      }
    }),
  );
});

test.each(['clip_cov', 'kl_cov'] as const)(
  'parts of a batch that know what %s holds back add up to the whole',
  (name) => {
    fc.assert(
      fc.property(batches, fc.nat(), (batch, cut) => {
        const options: PolicyLossOptions = { name, covariance: { share: 0.3 } };
        const whole = policyLoss(batch, options);
        const heldBack = heldBackTokens(batch, options)!;
        const counts = { sequences: heldBack.length, tokens: batch.masks.flat().filter((one) => one === 1).length };
        const middle = cut % (heldBack.length + 1);
        const parts = [
          [0, middle],
          [middle, heldBack.length],
        ].map(([from, to]) => {
          const rows = Object.entries({ ...batch, heldBack }).map(([key, values]) => [key, values.slice(from, to)]);
          return policyLoss({ ...(Object.fromEntries(rows) as Batch), counts }, options);
        });
        expect(parts.flatMap(({ weights }) => weights)).toEqual(whole.weights);
        expect(parts.reduce((sum, { loss }) => sum + loss, 0)).toBeCloseTo(whole.loss, 9);
      }),
    );
  },
);
