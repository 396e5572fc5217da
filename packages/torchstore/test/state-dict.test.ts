import { tensor } from '@forge/tensor';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StateDictError } from '../src/index.ts';
import { flattenStateDict, mergeStructures, restoreStateDict, type StateDict, storedKeys } from '../src/state-dict.ts';

const { dict } = fc.letrec<{ dict: StateDict; item: StateDict[string] }>((tie) => ({
  dict: fc.dictionary(
    fc.string({ maxLength: 4 }).filter((name) => !name.includes('.')),
    tie('item'),
    { maxKeys: 4 },
  ),
  item: fc.oneof(
    { maxDepth: 4 },
    fc.nat(9).map((value) => tensor('int32', [1], Int32Array.of(value))),
    fc.oneof(fc.double(), fc.string(), fc.boolean(), fc.constant(null), fc.bigInt()),
    tie('dict'),
    fc.array(tie('item'), { maxLength: 3 }),
  ),
}));

test('what is taken apart comes back equal, empty containers and integer-like names included', () => {
  fc.assert(
    fc.property(dict, (stateDict) => {
      const { tensors, structure } = flattenStateDict('prefix', stateDict);
      const copied = structuredClone(structure);
      expect([...storedKeys(structure)].sort()).toEqual([...tensors.keys()].sort());
      const restored = restoreStateDict(copied, (key) => {
        const found = tensors.get(key);
        if (found === undefined || 'local' in found) throw new TypeError(key);
        return found;
      });
      expect(restored).toEqual({ ...stateDict });
      expect(mergeStructures(structure, structure)).toEqual(structure);
    }),
    { numRuns: 300 },
  );
});

const one = tensor('float32', [1]);

test('names are the paths joined by dots', () => {
  const { tensors } = flattenStateDict('v7', { layers: [{ weight: one }, { weight: one }], 'norm.scale': one });
  expect([...tensors.keys()]).toEqual(['v7.layers.0.weight', 'v7.layers.1.weight', 'v7.norm.scale']);
});

test('two tensors with one name are refused', () => {
  expect(() => flattenStateDict('v7', { a: { b: one }, 'a.b': one })).toThrow(StateDictError);
});

test.each([
  ['a bare typed array', { a: new Float32Array(1) }],
  ['a date', { a: new Date(0) }],
  ['a function', { a: () => 1 }],
])('%s is refused by name', (_, stateDict) => {
  // The types refuse these values too; a caller in JavaScript has no types.
  expect(() => flattenStateDict('v7', stateDict as unknown as StateDict)).toThrow(/'v7.a'/);
});

test('what two ranks put is merged by name', () => {
  const first = flattenStateDict('m', { stage0: { w: one }, step: 3 }).structure;
  const second = flattenStateDict('m', { stage1: { w: one }, step: 4 }).structure;
  const restored = restoreStateDict(mergeStructures(first, second), () => one);
  expect(restored).toEqual({ stage0: { w: one }, stage1: { w: one }, step: 3 });
});
