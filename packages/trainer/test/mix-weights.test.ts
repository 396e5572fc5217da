import { expect, test } from 'vitest';
import { mixWeights } from '../src/mix-weights.ts';
import { tinyModel } from './tiny-model.ts';

test('a mixture lies between two models: all of one with share 0, all of the other with share 1', () => {
  const [before, now] = [1, 2].map((seed) => tinyModel(seed).weights);
  for (const [share, expected] of [
    [0, before],
    [1, now],
  ] as const) {
    expect(mixWeights(structuredClone(before!), now!, share)).toEqual(expected);
  }
  const [name, { data }] = Object.entries(mixWeights(structuredClone(before!), now!, 0.25))[0]!;
  for (const [i, value] of data.entries()) {
    expect(value).toBeCloseTo(0.75 * before![name]!.data[i]! + 0.25 * now![name]!.data[i]!, 6);
  }
});
