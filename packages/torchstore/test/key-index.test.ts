import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyIndex } from '../src/key-index.ts';

const key = fc
  .array(fc.constantFrom('a', 'b', 'ab', '1', ''), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('.'));

const covers = (prefix: string, candidate: string) =>
  prefix === '' ||
  (prefix.endsWith('.')
    ? candidate.startsWith(prefix) && candidate !== prefix
    : candidate === prefix || candidate.startsWith(`${prefix}.`));

test('it behaves like a map whose keys are filtered by component prefix', () => {
  const change = fc.oneof(
    fc.record({ kind: fc.constant('set'), key, value: fc.nat(99) }),
    fc.record({ kind: fc.constant('delete'), key, value: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), key, (changes, prefix) => {
      const index = new KeyIndex<number>();
      const model = new Map<string, number>();
      for (const each of changes) {
        if (each.kind === 'set') {
          index.set(each.key, each.value);
          model.set(each.key, each.value);
        } else expect(index.delete(each.key)).toBe(model.delete(each.key));
      }
      expect(index.size).toBe(model.size);
      expect(new Map(index.entries())).toEqual(model);
      for (const each of model.keys()) expect(index.get(each)).toBe(model.get(each));
      const expected = [...model.keys()].filter((each) => covers(prefix, each)).sort();
      expect([...index.keys(prefix)].sort()).toEqual(expected);
    }),
    { numRuns: 500 },
  );
});

test('a prefix ends at a dot', () => {
  const index = new KeyIndex<number>();
  for (const name of ['layers.1', 'layers.1.weight', 'layers.10.weight']) index.set(name, 0);
  expect([...index.keys('layers.1')]).toEqual(['layers.1', 'layers.1.weight']);
  expect([...index.keys('layers.1.')]).toEqual(['layers.1.weight']);
  expect([...index.keys('layer')]).toEqual([]);
});
