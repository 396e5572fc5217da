import { bytesOf, dtypes, tensor } from '@forge/tensor';
import { describe, expect, test } from 'vitest';
import {
  BatchError,
  distribute,
  IncompleteError,
  KeyNotFoundError,
  MismatchError,
  ObjectError,
  type PlainData,
  replicate,
  shard,
} from '../../src/index.ts';
import { numbered } from '../arbitraries.ts';
import { bits, cut, failure, filesIn, testStore, variants } from './stores.ts';

describe.each(variants)('$name', ({ options }) => {
  test('a batch is put in one step and got in one, and a second one replaces it', async () => {
    const { store } = await testStore(options);
    for (const salt of [1, 2]) {
      const values = { a: numbered('float32', [3, 5], salt), 'b.c': numbered('int8', [7], salt), config: { salt } };
      await store.putBatch(values);
      const got = await store.getBatch({ a: {}, 'b.c': {}, config: 'object' });
      expect(got).toEqual(values);
      const generations = await Promise.all(
        Object.keys(values).map(async (key) => (await store.stat(key))?.generation),
      );
      expect(generations).toEqual([salt, salt, salt]);
    }
  });

  test('a batch asks for another part of each key', async () => {
    const { store } = await testStore(options);
    const whole = numbered('int16', [6, 4]);
    await store.putBatch({ a: whole, b: whole, c: whole });
    const region = { offset: [1, 1], size: [3, 2] };
    const into = tensor('int16', [6, 4]);
    const layout = { mesh: [3], placements: [shard(0)], rank: 2 };
    const got = await store.getBatch({ a: { region }, b: { into }, c: { layout } });
    expect(bits(got.a)).toEqual(bits(cut(whole, region)));
    expect(got.b).toBe(into);
    expect(bits(into)).toEqual(bits(whole));
    expect(bits(got.c)).toEqual(bits(cut(whole, { offset: [4, 0], size: [2, 4] })));
  });

  test('ten thousand tensors come back under their keys', async () => {
    const { store } = await testStore(options);
    const keys = Array.from({ length: 10_000 }, (_, index) => `layer.${index}`);
    await store.putBatch(Object.fromEntries(keys.map((key, index) => [key, numbered('uint8', [3], index)])));
    const got = await store.getBatch(keys.toReversed());
    for (const [index, key] of keys.entries()) expect(got[key]!.data).toEqual(numbered('uint8', [3], index).data);
  });

  test('a batch with one missing key brings nothing and writes nothing', async () => {
    const { store } = await testStore(options);
    await store.put('there', numbered('int8', [4]));
    const into = tensor('int8', [4]);
    const error = await failure(store.getBatch({ there: { into }, ther: {} }));
    expect(error).toBeInstanceOf(KeyNotFoundError);
    expect(error).toMatchObject({ key: 'ther', nearest: ['there'] });
    expect(into).toEqual(tensor('int8', [4]));
  });

  test('a batch that cannot be put changes nothing', async () => {
    const { store, folder } = await testStore(options);
    await store.put('a', numbered('int8', [4]));
    const before = filesIn(folder).length;
    const layout = { mesh: [2], placements: [shard(0)], rank: 0 };
    const wrong = { local: numbered('int8', [3]), globalShape: [8], layout };
    expect(await failure(store.putBatch({ a: numbered('int8', [5]), b: wrong }))).toBeInstanceOf(MismatchError);
    expect(await store.get('a')).toEqual(numbered('int8', [4]));
    expect(await store.keys()).toEqual(['a']);
    expect(filesIn(folder)).toHaveLength(before);
  });

  test('empty batches and keys named twice are refused, where they cannot be meant', async () => {
    const { store } = await testStore(options);
    expect(await failure(store.putBatch({}))).toBeInstanceOf(BatchError);
    expect(await failure(store.getBatch([]))).toBeInstanceOf(BatchError);
    expect(await failure(store.getBatch(['a', 'b', 'a']))).toMatchObject({
      code: 'ERR_TORCHSTORE_BATCH',
      message: 'The batch names a twice.',
    });
    await store.put('a', numbered('int8', [1]));
    expect(await store.deleteBatch([])).toBe(0);
    expect(await store.deleteBatch(['a', 'nothing', 'a'])).toBe(1);
    expect(await store.deleteBatch(['a', 'nothing', 'a'])).toBe(0);
  });

  test('ranks put one batch together', async () => {
    const { store } = await testStore(options);
    const whole = numbered('float32', [5, 3]);
    const piece = (rank: number) => distribute(whole, { mesh: [3], placements: [shard(0)], rank });
    for (const rank of [2, 0]) await store.putBatch({ w: piece(rank), v: piece(rank) });
    expect(await store.exists('w')).toBe(false);
    expect(await failure(store.get('v'))).toMatchObject({ missingRanks: [1] });
    await store.putBatch({ w: piece(1), v: piece(1) });
    expect(await store.getBatch(['v', 'w'])).toEqual({ v: whole, w: whole });
  });

  test('a key that only some ranks have put can be seen and deleted', async () => {
    const { store, folder } = await testStore(options);
    const whole = numbered('int8', [8]);
    await store.put('w', distribute(whole, { mesh: [4], placements: [shard(0)], rank: 2 }));
    expect(await failure(store.get('w'))).toBeInstanceOf(IncompleteError);
    expect(await store.stat('w')).toMatchObject({
      generation: undefined,
      parts: [],
      pending: [{ missingRanks: [0, 1, 3], bytes: 2 * ('replicas' in options ? 2 : 1) }],
    });
    expect(await store.delete('w')).toBe(true);
    expect(await store.stat('w')).toBeUndefined();
    expect(await store.delete('w')).toBe(false);
    await expect.poll(() => filesIn(folder)).toEqual([]);
  });

  test('every dtype comes back in every form: whole, without dimensions, empty, and in pieces of which some are empty', async () => {
    const { store } = await testStore(options);
    for (const dtype of dtypes) {
      for (const shape of [[], [0], [3, 0, 2], [5], [2, 3]]) {
        const whole = numbered(dtype, shape);
        await store.put('plain', whole);
        expect(bits(await store.get('plain'))).toEqual(bits(whole));
        if (shape.length === 0) continue;
        const layout = { mesh: [2, 4], placements: [replicate(), shard(0)] };
        for (let rank = 0; rank < 8; rank += 1) await store.put('cut', distribute(whole, { ...layout, rank }));
        expect(bits(await store.get('cut'))).toEqual(bits(whole));
        const last = await store.get('cut', { layout: { mesh: [4], placements: [shard(0)], rank: 3 } });
        expect(bytesOf(last)).toEqual(bytesOf(distribute(whole, { mesh: [4], placements: [shard(0)], rank: 3 }).local));
        expect(await store.stat('cut')).toMatchObject({ dtype, shape });
      }
    }
  });

  test('plain data is stored as it is, and is never the value that was put', async () => {
    const { store } = await testStore(options);
    const values: PlainData[] = [
      null,
      undefined,
      7,
      'text',
      true,
      2n ** 70n,
      [1, [2, { three: 3 }]],
      { nested: { deep: new Date(5), ids: new Uint8Array([1, 2]) } },
      new Map<PlainData, PlainData>([['a', new Set([1])]]),
    ];
    for (const value of values) {
      await store.put('object', value);
      const got = await store.getObject('object');
      expect(got).toEqual(value);
      if (typeof value === 'object' && value !== null) expect(got).not.toBe(value);
    }
    const first = { list: [1] };
    await store.put('mine', first);
    first.list.push(2);
    expect(await store.getObject('mine')).toEqual({ list: [1] });
    expect(await store.stat('mine')).toMatchObject({ dtype: undefined, generation: values.length + 1 });
  });

  test('objects and tensors are not mistaken for each other, and one may replace the other', async () => {
    const { store, folder } = await testStore(options);
    await store.put('x', { a: 1 });
    expect(await failure(store.get('x'))).toMatchObject({
      code: 'ERR_TORCHSTORE_MISMATCH',
      message:
        "'x' needs a tensor, but got an object, which getObject() reads. Give the dtype to cast to, or the right layout.",
    });
    await store.put('x', numbered('int8', [2]));
    expect(await failure(store.getObject('x'))).toBeInstanceOf(MismatchError);
    await store.put('x', 'again');
    expect(await store.getObject('x')).toBe('again');
    await expect.poll(() => filesIn(folder)).toEqual([]);
  });

  test.each([
    ['a function', { a: [() => 1] }, '.a[0]'],
    ['an instance of a class', { a: new (class Point {})() }, '.a'],
    ['more than a small object', 'x'.repeat(2 ** 20 + 1), ''],
  ])('%s is refused as an object, with its place', async (_, value, path) => {
    const { store } = await testStore(options);
    // The types refuse the first two as well; a caller in JavaScript has no types.
    const error = await failure(store.put('bad', value as PlainData));
    expect(error).toBeInstanceOf(ObjectError);
    expect(error).toMatchObject({ key: 'bad', path });
    expect(await store.exists('bad')).toBe(false);
  });
});
