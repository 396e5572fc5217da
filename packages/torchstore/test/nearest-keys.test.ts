import { expect, test } from 'vitest';
import { policyVersionPrefix } from '../src/index.ts';
import { nearestKeys } from '../src/nearest-keys.ts';

test('a misspelled key finds what was meant', () => {
  const keys = ['model.layers.0.wq', 'model.layers.0.wk', 'model.embed', 'optimizer.step'];
  expect(nearestKeys('model.layer.0.wq', keys)[0]).toBe('model.layers.0.wq');
  expect(nearestKeys('xyz', keys)).toEqual([]);
});

test('a policy version has ten digits, so that names sort by version', () => {
  expect(policyVersionPrefix(7)).toBe('policy_ver_0000000007');
  expect(() => policyVersionPrefix(-1)).toThrow(RangeError);
});
