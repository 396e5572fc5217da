import { describe, expect, test } from 'vitest';
import { ConditionWatch } from '../src/diagnostics/condition-watch.ts';
import { conditions } from '../src/diagnostics/conditions.ts';
import { explainStall, type StallCounts } from '../src/diagnostics/explain-stall.ts';
import type { StepNumbers } from '../src/diagnostics/trend.ts';

const well: StepNumbers = {
  'reward/mean': 0.8,
  entropy: 1,
  'ratio/mean': 1,
  'group/solvedAll': 0.3,
  'group/solvedNone': 0.3,
  'completions/truncated': 0.1,
  'completions/unscored': 0,
  'sampling/sampling_logp_difference/mean': 0.01,
  'app_perf/event_loop_delay/max_ms': 20,
};

/** Names of what is told, step by step. */
function told(steps: readonly StepNumbers[]): readonly (readonly string[])[] {
  const watch = new ConditionWatch(conditions);
  return steps.map((step) => watch.check(step).map(({ name }) => name));
}

const repeated = (count: number, step: StepNumbers) => Array.from({ length: count }, () => step);
const firsts = (all: readonly (readonly string[])[]) => all.flat();

describe('conditions of a run', () => {
  test('nothing is told of one that is well', () => {
    expect(firsts(told(repeated(50, well)))).toEqual([]);
  });

  test.each<readonly [string, StepNumbers, number]>([
    ['truncated', { 'completions/truncated': 0.6 }, 1],
    ['unscored', { 'completions/unscored': 0.2 }, 1],
    ['ratioDrift', { 'ratio/mean': 1.4 }, 1],
    ['ratioDrift', { 'ratio/mean': 0.7 }, 1],
    ['samplerMismatch', { 'sampling/sampling_logp_difference/mean': 0.5 }, 1],
    ['entropyCollapse', { entropy: 0.01 }, 1],
    ['eventLoop', { 'app_perf/event_loop_delay/max_ms': 3_000 }, 1],
    ['noneRight', { 'group/solvedNone': 1, 'group/solvedAll': 0 }, 5],
    ['allRight', { 'group/solvedAll': 0.95, 'group/solvedNone': 0 }, 5],
    ['rewardCollapse', { 'reward/mean': 0 }, 7],
  ])('%s, of %j, is told once, in step %d of it, and again only after it was over', (name, change, step) => {
    const ill = { ...well, ...change };
    const steps = [...repeated(20, well), ...repeated(30, ill), ...repeated(40, well), ...repeated(30, ill)];
    const at = told(steps).flatMap((names, i) => (names.includes(name) ? [i] : []));
    expect(at).toHaveLength(2);
    expect(at[0]).toBe(20 + step - 1);
    expect(at[1]).toBeGreaterThanOrEqual(90);
  });

  test('a number that goes to and fro about its limit is told once', () => {
    const steps = Array.from({ length: 20 }, (_, i) => ({ ...well, 'completions/truncated': i % 2 ? 0.51 : 0.49 }));
    expect(firsts(told(steps))).toEqual(['truncated']);
  });

  test('metrics that a run does not have raise nothing', () => {
    expect(firsts(told(repeated(20, {})))).toEqual([]);
  });

  test('says what is seen, and what to do', () => {
    const [finding] = new ConditionWatch(conditions).check({ ...well, 'completions/truncated': 0.625 });
    expect(finding?.message).toBe('63 % of the completions end at the token limit. Raise generator.maxTokens.');
  });
});

describe('why no batch forms', () => {
  const healthy = [
    { name: 'generator', queued: 0, states: ['healthy'] },
    { name: 'rewards', queued: 0, states: ['healthy'] },
  ];
  const counts: StallCounts = {
    waitedSeconds: 61.2,
    needed: 8,
    buffered: 3,
    inFlight: 5,
    evicted: 0,
    rejected: {},
    unscored: 0,
    services: healthy,
  };

  test.each<readonly [string, Partial<StallCounts>, string]>([
    [
      'slow',
      {},
      'No batch for 61 s: 3 of 8 groups are there, 5 in flight. Sampling goes on and is slow: lower generator.maxTokens or grpo.groupSize, or give the generator more.',
    ],
    [
      'dead',
      { services: [{ name: 'generator', queued: 5, states: ['recovering', 'unhealthy'] }, healthy[1]!] },
      'No batch for 61 s: 3 of 8 groups are there, 5 in flight. generator is recovering and unhealthy: look for why its processes end.',
    ],
    [
      'turned away',
      { rejected: { zeroVariance: 40, truncated: 0 } },
      'No batch for 61 s: 3 of 8 groups are there, 5 in flight, 40 were turned away (zeroVariance). Nearly all groups are turned away: the problems are too easy or too hard for this model.',
    ],
    [
      'too old',
      { evicted: 9 },
      'No batch for 61 s: 3 of 8 groups are there, 5 in flight, 9 were too old. Groups grow too old before they are trained on: raise grpo.maxPolicyAge.',
    ],
    [
      'unscored',
      { unscored: 80 },
      'No batch for 61 s: 3 of 8 groups are there, 5 in flight, 80 completions have no score. The rewards fail: see reward/unscored/… and warnings.jsonl.',
    ],
    [
      'a bottleneck',
      { services: [healthy[0]!, { name: 'rewards', queued: 4, states: ['healthy'] }] },
      'No batch for 61 s: 3 of 8 groups are there, 5 in flight. 4 requests wait for rewards: it is the bottleneck; give it more replicas or threads.',
    ],
    [
      'nothing at all',
      { inFlight: 0, buffered: 0 },
      'No batch for 61 s: 0 of 8 groups are there, 0 in flight. Nothing is being sampled, which is a fault of this program: please report it.',
    ],
  ])('%s', (_, change, sentence) => {
    expect(explainStall({ ...counts, ...change })).toBe(sentence);
  });
});
