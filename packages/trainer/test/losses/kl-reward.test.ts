import fc from 'fast-check';
import { expect, test } from 'vitest';
import { groupAdvantages } from '../../src/advantages.ts';
import { klRewards, penalizeByKl, returnsToGo } from '../../src/losses/kl-reward.ts';
import { policyLoss } from '../../src/losses/policy.ts';

/** A policy over two tokens of three: one row of logits for the first, and one for the second after each first. */
const numTokens = 3;
const logitRow = fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: numTokens, maxLength: numTokens });
const policies = fc.array(logitRow, { minLength: 1 + numTokens, maxLength: 1 + numTokens });
type Logits = readonly (readonly number[])[];

const logSoftmax = (logits: readonly number[]): number[] => {
  const sum = Math.log(logits.reduce((total, logit) => total + Math.exp(logit), 0));
  return logits.map((logit) => logit - sum);
};

const sequences = Array.from({ length: numTokens ** 2 }, (_, i) => [Math.floor(i / numTokens), i % numTokens] as const);

const logProbsOf = (logits: Logits, [first, second]: readonly [number, number]): [number, number] => [
  logSoftmax(logits[0]!)[first]!,
  logSoftmax(logits[1 + first]!)[second]!,
];

test('with the KL term in the reward, REINFORCE climbs E[R] − β · KL(π ‖ reference) exactly', () => {
  const rewardsOf = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 9, maxLength: 9 });
  fc.assert(
    fc.property(policies, policies, rewardsOf, (policy, reference, rewards) => {
      const beta = 0.7;
      const objective = (logits: Logits): number =>
        sequences.reduce((sum, sequence, i) => {
          const [a, b] = logProbsOf(logits, sequence);
          const [c, d] = logProbsOf(reference, sequence);
          return sum + Math.exp(a + b) * (rewards[i]! - beta * (a + b - c - d));
        }, 0);
      // The mean over all sequences, each as often as the policy samples it, of the gradient that the loss gives.
      const gradient = policy.map((row) => row.map(() => 0));
      for (const [i, sequence] of sequences.entries()) {
        const logProbs = [logProbsOf(policy, sequence)];
        const probability = Math.exp(logProbs[0]![0] + logProbs[0]![1]);
        const { weights } = policyLoss(
          {
            logProbs,
            samplerLogProbs: logProbs,
            refLogProbs: [logProbsOf(reference, sequence)],
            advantages: [rewards[i]!],
            counts: { sequences: 1, tokens: 1 },
          },
          { name: 'reinforce', correction: 'off', beta, klIn: 'reward' },
        );
        for (const [t, row] of [0, 1 + sequence[0]].entries()) {
          for (const [v, logProb] of logSoftmax(policy[row]!).entries()) {
            gradient[row]![v]! -= probability * weights[0]![t]! * (Number(v === sequence[t]) - Math.exp(logProb));
          }
        }
      }
      for (const [row, slopes] of gradient.entries()) {
        for (const [v, slope] of slopes.entries()) {
          const at = (shift: number): number =>
            objective(policy.map((own, r) => own.map((logit, u) => (r === row && u === v ? logit + shift : logit))));
          expect(slope).toBeCloseTo((at(1e-5) - at(-1e-5)) / 2e-5, 6);
        }
      }
    }),
    { numRuns: 30 },
  );
});

test('the reward of a completion loses what its tokens do, and one without a score stays without', () => {
  const tokens = { logProbs: [[-1, -2], [-3], [-1]], refLogProbs: [[-2, -1.5], [-4], [-1]], masks: [[1, 1], [1], [0]] };
  expect(klRewards(tokens, { beta: 2 })).toEqual([Float64Array.of(-2, 1), Float64Array.of(-2), Float64Array.of(0)]);
  expect(penalizeByKl([5, undefined, 1], tokens, { beta: 2 })).toEqual([4, undefined, 1]);
  expect(penalizeByKl([5], { logProbs: [[]], refLogProbs: [[]] }, { beta: 2 })).toEqual([5]);
});

test('every estimator costs nothing at the reference, and k2 and k3 nowhere give anything back', () => {
  const d = fc.double({ min: -5, max: 5, noNaN: true });
  fc.assert(
    fc.property(d, fc.constantFrom('k2' as const, 'k3' as const), (difference, estimator) => {
      const cost = (x: number) => klRewards({ logProbs: [[x]], refLogProbs: [[0]] }, { beta: 1, estimator })[0]![0]!;
      return cost(difference) <= 0 && Math.abs(cost(0)) === 0;
    }),
  );
});

test('what is to come is the sum of what follows', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -9, max: 9 })), (rewards) => {
      const returns = returnsToGo(rewards);
      expect(Array.from(returns)).toEqual(rewards.map((_, t) => rewards.slice(t).reduce((a, b) => a + b, 0)));
    }),
  );
});

test('leaving one out of the penalised rewards is the RLOO of TRL', () => {
  const tokens = { logProbs: [[-1], [-2]], refLogProbs: [[-1.5], [-2]] };
  const rewards = penalizeByKl([1, 0], tokens, { beta: 1 });
  expect(groupAdvantages(rewards, { method: 'rloo' })).toEqual([0.5, -0.5]);
});

test('it needs the log-probabilities of both', () => {
  const batch = { logProbs: [[-1]], advantages: [1], refLogProbs: [[-1]] };
  expect(() => policyLoss(batch, { beta: 0.1, klIn: 'reward' })).toThrow(
    expect.objectContaining({ field: 'samplerLogProbs' }),
  );
});
