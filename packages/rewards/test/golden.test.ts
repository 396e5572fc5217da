import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { mathReward } from '../src/math.ts';
import { thinkingReward } from '../src/thinking.ts';

interface Golden {
  readonly options: {
    readonly math: { readonly tolerance: number; readonly partial_credit: number };
    readonly thinking: { readonly partial_reward: number; readonly full_reward: number };
  };
  readonly cases: readonly {
    readonly prompt: string;
    readonly response: string;
    readonly target: string;
    readonly math: number;
    readonly thinking: number;
    readonly math_with_options: number;
    readonly thinking_with_options: number;
  }[];
}

// Scores of the Python classes, on inputs where Python and JavaScript read text differently.
const golden = JSON.parse(readFileSync(new URL('./golden/rewards.json', import.meta.url), 'utf8')) as Golden;
const { math, thinking } = golden.options;

const rewards = {
  math: mathReward({ parity: true }),
  thinking: thinkingReward(),
  math_with_options: mathReward({ parity: true, tolerance: math.tolerance, partialCredit: math.partial_credit }),
  thinking_with_options: thinkingReward({
    partialReward: thinking.partial_reward,
    fullReward: thinking.full_reward,
  }),
};

describe('every completion scores what TorchForge gives it', () => {
  test.each(golden.cases)('$prompt: $response for $target', (sample) => {
    for (const [name, reward] of Object.entries(rewards)) {
      const expected = sample[name as keyof typeof rewards];
      expect(reward({ ...sample, completion: sample.response }), name).toBe(expected);
    }
  });
});
