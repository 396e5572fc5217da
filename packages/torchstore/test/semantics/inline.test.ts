import { bytesOf, tensor } from '@forge/tensor';
import { expect, test } from 'vitest';
import { distribute, QuotaError, shard } from '../../src/index.ts';
import { numbered } from '../arbitraries.ts';
import { bits, failure, filesIn, filled, onlyValue, testStore } from './stores.ts';

test('few bytes lie with the metadata, more on volumes, and either may replace the other', async () => {
  const { store, folder } = await testStore({ volumes: 2, replicas: 2, inlineBytes: 128 });
  await store.put('w', filled(1));
  expect(filesIn(folder)).toEqual([]);
  expect(await store.stat('w')).toMatchObject({ bytes: 128, transports: { metadata: 'inline' } });
  expect((await store.stat('w'))?.parts).toEqual([
    {
      region: { offset: [0, 0], size: [4, 8] },
      place: { volume: 'metadata', segment: '', byteOffset: 0, byteLength: 128 },
    },
  ]);
  await store.put('w', filled(2, [33]));
  expect(filesIn(folder)).toHaveLength(2);
  expect(onlyValue(await store.get('w'))).toBe(2);
  await store.put('w', filled(3));
  await expect.poll(() => filesIn(folder)).toEqual([]);
  const { client, bytes } = await store.statistics();
  expect({ bytes, put: client.puts.bytes.inline }).toEqual({ bytes: 128, put: 256 });
});

test('pieces of one tensor may lie with the metadata and on volumes', async () => {
  const { store } = await testStore({ volumes: 2, inlineBytes: 64 });
  const whole = numbered('int32', [5, 9]);
  const layout = { mesh: [2], placements: [shard(0)] };
  await store.put('w', distribute(whole, { ...layout, rank: 0 })); // 108 bytes
  expect(await store.stat('w')).toMatchObject({ pending: [{ missingRanks: [1], bytes: 108 }] });
  await store.put('w', distribute(whole, { ...layout, rank: 1 })); // 72 bytes: on a volume, too
  const cut = distribute(whole, { mesh: [4], placements: [shard(0)], rank: 3 });
  await store.put('small', distribute(whole, { mesh: [4], placements: [shard(0)], rank: 2 })); // 36 bytes
  for (const rank of [0, 1, 3])
    await store.put('small', distribute(whole, { mesh: [4], placements: [shard(0)], rank })); // 72, 72 and 0 bytes
  expect(cut.local.shape).toEqual([0, 9]);
  const volumes = (await store.stat('small'))?.parts.map(({ place }) => place.volume);
  expect(new Set(volumes)).toContain('metadata');
  expect(new Set(volumes).size).toBeGreaterThan(1);
  for (const key of ['w', 'small']) {
    expect(bits(await store.get(key))).toEqual(bits(whole));
    const columns = distribute(whole, { mesh: [3], placements: [shard(1)], rank: 1 });
    expect(bits(await store.get(key, { layout: columns.layout }))).toEqual(bits(columns.local));
  }
});

test('more of them than an answer brings come page by page, all of one moment', async () => {
  const { store } = await testStore({ inlineBytes: 2 ** 20 });
  const keys = Array.from({ length: 40 }, (_, index) => `k${index}`);
  for (const [index, key] of keys.entries()) {
    const value = tensor('uint8', [2 ** 20 - index]);
    value.data.fill(index);
    await store.put(key, value);
  }
  const reading = store.getBatch(keys);
  await store.delete('k39');
  const got = await reading.catch(() => undefined); // the deletion may have come first
  if (got !== undefined) for (const [index, key] of keys.entries()) expect(onlyValue(got[key]!)).toBe(index);
  const rest = await store.getBatch(keys.slice(0, 39));
  for (const [index, key] of keys.slice(0, 39).entries()) {
    expect(rest[key]!.shape).toEqual([2 ** 20 - index]);
    expect(bytesOf(rest[key]!).every((byte) => byte === index)).toBe(true);
  }
  expect((await store.statistics()).reads).toBe(0);
});

test('they count against the quota when they arrive, and older generations make room for them', async () => {
  const retention = [{ prefix: 'm', keepLast: 5 }];
  const { store } = await testStore({ inlineBytes: 128, quotaBytes: 300, retention });
  await store.put('m', filled(1));
  await store.put('m', filled(2));
  await store.put('x', filled(3)); // evicts the first generation
  const error = await failure(store.put('y', filled(4)));
  expect(error).toBeInstanceOf(QuotaError);
  expect(error).toMatchObject({ limit: 300, used: 256, wanted: 128 });
  expect(await failure(store.putStateDict('z', { y: filled(4) }))).toBeInstanceOf(QuotaError);
  const { reservedBytes, bytes, unfinished } = await store.statistics();
  expect({ reservedBytes, bytes, unfinished }).toEqual({ reservedBytes: 0, bytes: 256, unfinished: 0 });
  expect(onlyValue(await store.get('m'))).toBe(2);
});

test('a state dict of few bytes meets its ranks, and is refused when another writer holds its version', async () => {
  const { store } = await testStore({});
  await using other = await store.begin('m', { participant: { rank: 0, ranks: 2 }, version: 3 });
  const put = (rank: number) =>
    store.putStateDict('m', { [`own${rank}`]: filled(rank) }, { participant: { rank, ranks: 2 }, version: 3 });
  expect(await failure(put(0))).toMatchObject({ code: 'ERR_TORCHSTORE_VERSION', visibleVersion: undefined });
  await put(1);
  await other.put('own0', filled(0));
  await other.commit();
  expect(await store.getStateDict('m')).toEqual({ own0: filled(0), own1: filled(1) });
});

test('an inline limit that is none is refused', async () => {
  expect(await failure(testStore({ inlineBytes: -1 }))).toBeInstanceOf(RangeError);
  expect(await failure(testStore({ inlineBytes: 2 ** 21 }))).toBeInstanceOf(RangeError);
});
