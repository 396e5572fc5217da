import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fold, merge } from '../../src/index.ts';

async function* after(items: readonly { readonly value: number; readonly turns: number }[], onEnd = () => {}) {
  try {
    for (const { value, turns } of items) {
      for (let turn = 0; turn < turns; turn++) await undefined;
      yield value;
    }
  } finally {
    onEnd();
  }
}

const sources = fc.array(fc.array(fc.record({ value: fc.nat(), turns: fc.nat(4) }), { maxLength: 8 }), {
  maxLength: 4,
});

test('a fold goes from left to right, and is its identity without items', async () => {
  expect(
    await fold(after([1, 2, 3].map((value) => ({ value, turns: 1 }))), '0', (sum, item) => `(${sum} ${item})`),
  ).toBe('(((0 1) 2) 3)');
  const identity = {};
  expect(await fold(after([]), identity, () => ({}))).toBe(identity);
});

test('a merge has every item of every source, each source in its order', async () => {
  await fc.assert(
    fc.asyncProperty(sources, async (all) => {
      const tagged = all.map((items, i) => after(items.map(({ value, turns }) => ({ value: value * 4 + i, turns }))));
      const merged = await fold(merge(tagged), [] as number[], (list, item) => [...list, item]);
      all.forEach((items, i) => {
        expect(merged.filter((item) => item % 4 === i).map((item) => (item - i) / 4)).toEqual(
          items.map(({ value }) => value),
        );
      });
      expect(merged).toHaveLength(all.flat().length);
    }),
  );
});

test('leaving a merge, or an error in it, ends every source', async () => {
  let ended = 0;
  const source = (count: number) =>
    after(
      Array.from({ length: count }, (_, value) => ({ value, turns: 0 })),
      () => ended++,
    );
  for await (const _ of merge([source(5), source(5)])) break;
  expect(ended).toBe(2);
  const failing = async function* () {
    yield 1;
    throw new RangeError('no more');
  };
  const consume = async () => {
    for await (const _ of merge([source(1_000), failing()]));
  };
  await expect(consume()).rejects.toThrow('no more');
  await new Promise(setImmediate);
  expect(ended).toBe(3);
});
