import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evaluationMetrics, type Judged } from '../src/evaluation/evaluation-metrics.ts';
import { passAtK } from '../src/evaluation/pass-at-k.ts';

describe('pass@k', () => {
  /** Share of the sets of k among n samples with one of the first c in it. */
  function counted(n: number, c: number, k: number): number {
    let sets = 0;
    let passed = 0;
    for (let set = 0; set < 2 ** n; set++) {
      const members = Array.from({ length: n }, (_, i) => i).filter((i) => (set >> i) & 1);
      if (members.length !== k) continue;
      sets += 1;
      if (members.some((i) => i < c)) passed += 1;
    }
    return passed / sets;
  }
  const cases = fc
    .integer({ min: 1, max: 9 })
    .chain((n) => fc.tuple(fc.constant(n), fc.integer({ min: 0, max: n }), fc.integer({ min: 1, max: n })));

  test('is the share of all sets of k samples that have a right one', () => {
    fc.assert(
      fc.property(cases, ([n, c, k]) => {
        expect(passAtK(n, c, k)).toBeCloseTo(counted(n, c, k), 12);
      }),
    );
  });

  test('stays a share, and grows with k, where binomials overflow', () => {
    const values = [1, 10, 100, 1_000, 9_000].map((k) => passAtK(10_000, 3, k));
    expect(values).toEqual(values.toSorted((a, b) => a - b));
    expect(values[0]).toBeCloseTo(3 / 10_000, 12);
    expect(values.at(-1)).toBeLessThanOrEqual(1);
  });

  test.each([
    [4, 2, 5],
    [4, 2, 0],
    [4, 5, 1],
    [4, -1, 1],
  ])('of %d samples, %d right, k %d: is refused', (n, c, k) => {
    expect(() => passAtK(n, c, k)).toThrow(RangeError);
  });
});

describe('metrics of an evaluation', () => {
  const judged = (answer: string, isRight = answer === '4'): Judged => {
    return { completion: `<answer>${answer}</answer>`, isRight, isTruncated: false, reward: Number(isRight) };
  };
  const problem = (greedy: string, samples: readonly string[], source?: string) => ({
    greedy: judged(greedy),
    samples: samples.map((each) => judged(each)),
    ...(source !== undefined && { source }),
  });

  test('of greedy answers alone', () => {
    expect(evaluationMetrics([problem('4', []), problem('5', [])], [1])).toEqual({
      'eval/accuracy': 0.5,
      'eval/reward': 0.5,
      'eval/truncated': 0,
      'eval/unscored': 0,
    });
  });

  test('of samples: their mean, what most of them say, and each k that there are enough for', () => {
    const metrics = evaluationMetrics(
      [problem('5', ['4', '5', ' 4', '6']), problem('4', ['5', '5', '4', '5'])],
      [1, 2, 8],
    );
    expect(metrics).toMatchObject({ 'eval/mean@4': (0.25 + 0.25) / 2, 'eval/majority@4': 0.5, 'eval/pass@1': 0.25 });
    expect(metrics['eval/pass@2']).toBeCloseTo(0.5, 12);
    expect(metrics).not.toHaveProperty('eval/pass@8');
  });

  test('of several sources stand beside those of all', () => {
    const metrics = evaluationMetrics([problem('4', [], 'a'), problem('4', [], 'a'), problem('5', [], 'b')], [1]);
    expect(metrics['eval/accuracy']).toBeCloseTo(2 / 3, 12);
    expect([metrics['eval/a/accuracy'], metrics['eval/b/accuracy']]).toEqual([1, 0]);
  });

  test('an answer without a score is wrong, counted, and no part of the mean reward', () => {
    const unscored = { ...judged('4', false), reward: undefined };
    expect(evaluationMetrics([{ greedy: unscored, samples: [] }, problem('4', [])], [1])).toMatchObject({
      'eval/accuracy': 0.5,
      'eval/reward': 1,
      'eval/unscored': 1,
    });
  });
});
