import { tensor } from '@forge/tensor';
import { describe, expect, test } from 'vitest';
import { distribute, type Layout, type Store, type StoredValue, shard } from '../../src/index.ts';
import { failure, filesIn, filled, onlyValue, testStore, variants } from './stores.ts';

const rows = (rank: number, ranks = 2): Layout => ({ mesh: [ranks], placements: [shard(0)], rank });
const at = (offset: number[], size: number[]) => ({
  local: filled(9, size),
  globalShape: [4, 8],
  region: { offset, size },
});

/** A value that a caller in JavaScript may give, whatever the types say. */
const anyway = (value: unknown) => value as StoredValue;

interface Case {
  readonly what: string;
  readonly act: (store: Store) => Promise<unknown>;
  readonly error: Readonly<Record<string, unknown>>;
}

const code = (name: string, data: Readonly<Record<string, unknown>> = {}) => ({
  code: `ERR_TORCHSTORE_${name}`,
  ...data,
});
const wrongRegion = { code: 'ERR_TENSOR_REGION' };

/** The store has `w`, int32 [4, 8], and `cut`, of which rank 1 of 2 is missing. */
const cases: readonly Case[] = [
  {
    what: 'an unknown key',
    act: (store) => store.get('ww'),
    error: code('KEY_NOT_FOUND', { key: 'ww', nearest: ['w'] }),
  },
  { what: 'an unknown prefix', act: (store) => store.getStateDict('x'), error: code('KEY_NOT_FOUND', { key: 'x' }) },
  { what: 'an unknown object', act: (store) => store.getObject('x'), error: code('KEY_NOT_FOUND', { key: 'x' }) },
  {
    what: 'an unknown key of a batch',
    act: (store) => store.getBatch(['w', 'x']),
    error: code('KEY_NOT_FOUND', { key: 'x' }),
  },
  {
    what: 'an incomplete key',
    act: (store) => store.get('cut'),
    error: code('INCOMPLETE', { key: 'cut', missingRanks: [1] }),
  },
  {
    what: 'a target of another shape',
    act: (store) => store.get('w', { into: tensor('int32', [8, 4]) }),
    error: code('MISMATCH', { key: 'w', expected: 'int32 [4, 8]', actual: 'int32 [8, 4]' }),
  },
  {
    what: 'a target of another rank',
    act: (store) => store.get('w', { into: tensor('int32', [32]) }),
    error: code('MISMATCH', { key: 'w', expected: 'int32 [4, 8]', actual: 'int32 [32]' }),
  },
  {
    what: 'a target of another dtype',
    act: (store) => store.get('w', { into: tensor('float32', [4, 8]) }),
    error: code('MISMATCH', { key: 'w', expected: 'int32 [4, 8]', actual: 'float32 [4, 8]' }),
  },
  {
    what: 'a target whose data are fewer than it says',
    act: (store) => store.get('w', { into: { dtype: 'int32', shape: [4, 8], data: new Int32Array(5) } }),
    error: { code: 'ERR_TENSOR_SHAPE' },
  },
  {
    what: 'a slice out of range',
    act: (store) => store.get('w', { region: { offset: [3, 0], size: [2, 8] } }),
    error: wrongRegion,
  },
  {
    what: 'a slice of negative size',
    act: (store) => store.get('w', { region: { offset: [0, 0], size: [-1, 8] } }),
    error: wrongRegion,
  },
  {
    what: 'a slice that is no number',
    act: (store) => store.get('w', { region: { offset: [Number.NaN, 0], size: [1, 8] } }),
    error: wrongRegion,
  },
  {
    what: 'a slice of another rank',
    act: (store) => store.get('w', { region: { offset: [0], size: [4] } }),
    error: wrongRegion,
  },
  {
    what: 'a layout of a dimension that is not there',
    act: (store) => store.get('w', { layout: { mesh: [2], placements: [shard(2)], rank: 0 } }),
    error: code('LAYOUT'),
  },
  {
    what: 'a rank that is not on its mesh',
    act: (store) => store.get('w', { layout: rows(2) }),
    error: code('LAYOUT'),
  },
  {
    what: 'a piece of another shape than its layout says',
    act: (store) => store.put('n', { local: filled(9, [3, 8]), globalShape: [4, 8], layout: rows(0) }),
    error: code('MISMATCH', { key: 'n', expected: 'int32 [2, 8]', actual: 'int32 [3, 8]' }),
  },
  { what: 'a piece outside of its tensor', act: (store) => store.put('n', at([3, 0], [2, 8])), error: wrongRegion },
  {
    what: 'a partial sum',
    act: (store) =>
      store.put(
        'n',
        anyway({
          local: filled(9),
          globalShape: [4, 8],
          layout: { mesh: [1], placements: [{ type: 'partial' }], rank: 0 },
        }),
      ),
    error: code('LAYOUT'),
  },
  {
    what: 'a tensor whose data are fewer than it says',
    act: (store) => store.put('n', { dtype: 'int32', shape: [4, 8], data: new Int32Array(31) }),
    error: { code: 'ERR_TENSOR_SHAPE' },
  },
  {
    what: 'a tensor whose data are more than it says',
    act: (store) => store.put('n', { dtype: 'int32', shape: [4, 8], data: new Int32Array(33) }),
    error: { code: 'ERR_TENSOR_SHAPE' },
  },
  {
    what: 'a tensor whose data are of another type',
    act: (store) => store.put('n', anyway({ dtype: 'int32', shape: [4, 8], data: new Float32Array(32) })),
    error: { code: 'ERR_TENSOR_DTYPE' },
  },
  {
    what: 'a shard that overlaps another one',
    act: async (store) => {
      await store.put('regions', at([0, 0], [3, 8]));
      await store.put('regions', at([2, 0], [2, 8])).finally(() => store.delete('regions'));
    },
    error: code('OVERLAP', { key: 'regions' }),
  },
  {
    what: 'ranks that disagree about the dtype',
    act: async (store) => {
      const ranks = { rank: 0, ranks: 2 };
      await store.putStateDict('d', { w: at([0, 0], [2, 8]) }, { participant: ranks });
      const other = { local: tensor('float32', [2, 8]), globalShape: [4, 8], region: { offset: [2, 0], size: [2, 8] } };
      await store
        .putStateDict('d', { w: other }, { participant: { ...ranks, rank: 1 } })
        .finally(() => store.deletePrefix('d'));
    },
    error: code('MISMATCH', { key: 'd.w', expected: 'int32 [4, 8]', actual: 'float32 [4, 8]' }),
  },
  {
    what: 'shards with a gap between them',
    act: async (store) => {
      await store.putStateDict('d', { w: at([0, 0], [1, 8]) }, { participant: { rank: 0, ranks: 2 } });
      await store.putStateDict('d', { w: at([2, 0], [2, 8]) }, { participant: { rank: 1, ranks: 2 } });
    },
    error: code('COVERAGE', { key: 'd.w', uncovered: { offset: [1, 0], size: [1, 8] } }),
  },
  {
    what: 'a put beyond the quota',
    act: (store) => store.put('n', filled(9, [5000])),
    error: code('QUOTA', { limit: 10_000, wanted: 20_000 }),
  },
  {
    what: 'a rank that there is not',
    act: (store) => store.putStateDict('d', {}, { participant: { rank: 2, ranks: 2 } }),
    error: { name: 'RangeError' },
  },
  {
    what: 'a version that is none',
    act: (store) => store.put('n', filled(9), { version: -1 }),
    error: { name: 'RangeError' },
  },
  { what: 'an empty batch', act: (store) => store.putBatch({}), error: code('BATCH', { keys: [] }) },
];

describe.each(variants)('$name', ({ options }) => {
  const copies = 'replicas' in options ? 2 : 1;

  test('bad input is an error that says what is wrong, and changes nothing', async () => {
    const { store, folder } = await testStore({ ...options, quotaBytes: 10_000 * copies });
    await store.put('w', filled(1));
    await store.put('cut', distribute(filled(2), rows(0)));
    const { client: _, ...before } = await store.statistics();
    const files = filesIn(folder).length;
    for (const { what, act, error } of cases) {
      const scaled = 'limit' in error ? { ...error, limit: 10_000 * copies, wanted: 20_000 * copies } : error;
      expect(await failure(act(store)), what).toMatchObject(scaled);
      const { client: __, ...after } = await store.statistics();
      expect(after, what).toEqual(before);
      expect(await store.keys(), what).toEqual(['w']);
    }
    await expect.poll(() => filesIn(folder).length).toBe(files);
    await store.put('cut', distribute(filled(2), rows(1)));
    expect([onlyValue(await store.get('w')), onlyValue(await store.get('cut'))]).toEqual([1, 2]);
  });
});
