import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bytesOf, copyRegion, elementCount, type Region, type Tensor, tensor, wholeRegion } from '@forge/tensor';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  attachStore,
  CoverageError,
  distribute,
  IncompleteError,
  KeyNotFoundError,
  type Layout,
  layoutRegion,
  MismatchError,
  openStore,
  rankCount,
  replicate,
  StateDictError,
  type Store,
  StoreClosedError,
  shard,
  VersionConflictError,
} from '../src/index.ts';
import { anyDType, type Distribution, distributions, numbered, shapes } from './arbitraries.ts';

function cut(whole: Tensor, region: Region): Tensor {
  const local: Tensor = tensor(whole.dtype, region.size);
  const targetOffset = region.offset.map(() => 0);
  if (!region.size.includes(0))
    copyRegion(whole, local, { sourceOffset: region.offset, targetOffset, size: region.size });
  return local;
}

const everyRank = (layout: Distribution): Layout[] =>
  Array.from({ length: rankCount(layout.mesh) }, (_, rank) => ({ ...layout, rank }));

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'nonce')
    .map(({ name }) => name);
}

/** What every store must do, whatever carries its bytes and wherever it runs. */
describe.each([
  { transport: 'tmpfs', kind: 'inline', volumes: 1, inlineBytes: 0 },
  { transport: 'tmpfs', kind: 'inline', volumes: 1, inlineBytes: 16_384 },
  { transport: 'websocket', kind: 'inline', volumes: 1, inlineBytes: 0 },
  { transport: 'tmpfs', kind: 'inline', volumes: 3, inlineBytes: 0 },
  { transport: 'websocket', kind: 'inline', volumes: 3, inlineBytes: 0 },
  { transport: 'tmpfs', kind: 'process', volumes: 2, inlineBytes: 0 },
  { transport: 'tmpfs', kind: 'process', volumes: 2, inlineBytes: 16_384 },
  { transport: 'websocket', kind: 'process', volumes: 2, inlineBytes: 0 },
] as const)(
  '$volumes volumes, $kind, over $transport, $inlineBytes bytes inline',
  ({ transport, kind, volumes, inlineBytes }) => {
    let folder: string;
    let store: Store;
    let keys = 0;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'forge-store-'));
      store = await openStore({ transport, kind, volumes, folder, inlineBytes });
    });

    afterAll(async () => {
      await store[Symbol.asyncDispose]();
      expect(filesIn(folder)).toEqual([]);
      rmSync(folder, { recursive: true });
    });

    const nextKey = () => {
      keys += 1;
      return `key.${keys}`;
    };

    test('any layout put is any layout got', async () => {
      const anyTwo = fc
        .tuple(shapes, anyDType)
        .chain(([shape, dtype]) =>
          fc.tuple(fc.constant(shape), fc.constant(dtype), distributions(shape), distributions(shape)),
        );
      await fc.assert(
        fc.asyncProperty(anyTwo, async ([shape, dtype, source, target]) => {
          const key = nextKey();
          const whole = numbered(dtype, shape, keys);
          await Promise.all(everyRank(source).map((layout) => store.put(key, distribute(whole, layout))));
          expect(bytesOf(await store.get(key))).toEqual(bytesOf(whole));
          for (const layout of everyRank(target).slice(0, 4)) {
            const got = await store.get(key, { layout });
            const expected = cut(whole, layoutRegion(shape, layout));
            expect({ dtype: got.dtype, shape: got.shape }).toEqual({ dtype, shape: expected.shape });
            expect(bytesOf(got)).toEqual(bytesOf(expected));
          }
          await store.delete(key);
        }),
        { numRuns: kind === 'inline' ? 40 : 15 },
      );
    });

    test('a large tensor crosses whole and by region', async () => {
      const key = nextKey();
      const whole = numbered('float32', [700, 1500]);
      await store.put(key, whole);
      expect(Buffer.compare(bytesOf(await store.get(key)), bytesOf(whole))).toBe(0);
      const region = { offset: [13, 400], size: [600, 900] };
      expect(Buffer.compare(bytesOf(await store.get(key, { region })), bytesOf(cut(whole, region)))).toBe(0);
      await store.delete(key);
    });

    test('a get fills the tensor that it is given, and refuses one of another dtype or shape', async () => {
      const key = nextKey();
      const whole = numbered('int32', [6, 4]);
      await store.put(key, whole);
      const into = tensor('int32', [6, 4]);
      expect(await store.get(key, { into })).toBe(into);
      expect(into.data).toEqual(whole.data);
      const layout = { mesh: [2], placements: [shard(0)], rank: 1 };
      await expect(store.get(key, { layout, into })).rejects.toThrow(MismatchError);
      await expect(store.get(key, { into: tensor('float32', [6, 4]) })).rejects.toThrow('needs int32 [6, 4]');
    });

    test('pieces at explicit regions are visible once they cover the tensor', async () => {
      const key = nextKey();
      const whole = numbered('uint8', [5, 7]);
      const regions: Region[] = [
        { offset: [0, 0], size: [5, 2] },
        { offset: [0, 2], size: [3, 5] },
        { offset: [3, 2], size: [2, 5] },
      ];
      for (const region of regions) {
        expect(await store.exists(key)).toBe(false);
        await store.put(key, { local: cut(whole, region), globalShape: [5, 7], region });
      }
      expect(bytesOf(await store.get(key))).toEqual(bytesOf(whole));
    });

    test('a missing key names its nearest neighbours, a missing shard its ranks', async () => {
      const key = nextKey();
      await store.put(`${key}.weight`, numbered('int8', [4]));
      const missing = await store.get(`${key}.wieght`).catch((error: unknown) => error);
      expect(missing).toBeInstanceOf(KeyNotFoundError);
      expect(missing).toMatchObject({ nearest: [`${key}.weight`] });
      const whole = numbered('int8', [8]);
      await store.put(`${key}.cut`, distribute(whole, { mesh: [4], placements: [shard(0)], rank: 2 }));
      const incomplete = await store.get(`${key}.cut`).catch((error: unknown) => error);
      expect(incomplete).toBeInstanceOf(IncompleteError);
      expect(incomplete).toMatchObject({ missingRanks: [0, 1, 3] });
      expect(await store.exists(`${key}.cut`)).toBe(false);
      await store.deletePrefix(key);
    });

    test('bad input is refused before anything changes', async () => {
      const key = nextKey();
      const layout = { mesh: [2], placements: [shard(0)], rank: 0 };
      const wrong = { local: numbered('int8', [3]), globalShape: [8], layout };
      await expect(store.put(key, wrong)).rejects.toThrow(MismatchError);
      await expect(store.get(key, { region: wholeRegion([3]) })).rejects.toThrow(KeyNotFoundError);
      await store.put(key, numbered('int8', [3]));
      await expect(store.get(key, { region: { offset: [2], size: [2] } })).rejects.toMatchObject({
        code: 'ERR_TENSOR_REGION',
      });
      expect(await store.keys(key)).toEqual([key]);
    });

    test('shards that do not cover the tensor are refused and leave no bytes', async () => {
      const key = nextKey();
      const whole = numbered('int8', [8, 8]);
      const before = filesIn(folder).length;
      const rows = { mesh: [2], placements: [shard(0)], rank: 0 };
      await store.putStateDict(key, { w: distribute(whole, rows) });
      const columns = { mesh: [2], placements: [shard(1)], rank: 1 };
      await expect(store.putStateDict(key, { w: distribute(whole, columns) })).rejects.toThrow(CoverageError);
      expect(await store.keys(key)).toEqual([]);
      await expect.poll(() => filesIn(folder).length).toBeLessThanOrEqual(before);
    });

    test('an older version is refused', async () => {
      const key = nextKey();
      await store.put(key, numbered('int8', [2]), { version: 5 });
      await expect(store.put(key, numbered('int8', [2]), { version: 5 })).rejects.toThrow(VersionConflictError);
      await store.put(key, numbered('int8', [3]), { version: 6 });
      expect(await store.stat(key)).toMatchObject({ version: 6, shape: [3] });
    });

    test('a put replaces dtype, shape and bytes, and the old bytes go', async () => {
      const key = nextKey();
      const before = filesIn(folder).length;
      await store.put(key, numbered('float64', [300, 1000]));
      await store.put(key, numbered('int8', [2]));
      expect(await store.get(key)).toEqual(numbered('int8', [2]));
      // Fewer when a file of an earlier test goes only now.
      await expect.poll(() => filesIn(folder).length).toBeLessThanOrEqual(before + 1);
      await store.delete(key);
      await expect.poll(() => filesIn(folder).length).toBeLessThanOrEqual(before);
    });

    test('replicas are read, and stored, once', async () => {
      const key = nextKey();
      const whole = numbered('float32', [4, 4]);
      const layout = { mesh: [3, 2], placements: [replicate(), shard(0)] };
      for (const each of everyRank(layout)) await store.put(key, distribute(whole, each));
      const stat = await store.stat(key);
      expect(stat?.bytes).toBe(volumes === 1 ? 64 : 192);
      expect(await store.get(key)).toEqual(whole);
      expect(Object.values(stat?.transports ?? {})).toContain(inlineBytes === 0 ? transport : 'inline');
      await store.delete(key);
    });

    test('keys are listed and deleted by whole components', async () => {
      const key = nextKey();
      for (const name of ['1', '1.a', '10.a']) await store.put(`${key}.${name}`, numbered('int8', [1]));
      expect((await store.keys(`${key}.1`)).sort()).toEqual([`${key}.1`, `${key}.1.a`]);
      expect(await store.keys(`${key}.1.`)).toEqual([`${key}.1.a`]);
      expect(await store.deletePrefix(`${key}.1`)).toBe(2);
      expect(await store.keys(key)).toEqual([`${key}.10.a`]);
      expect(await store.delete(`${key}.10.a`)).toBe(true);
      expect(await store.delete(`${key}.10.a`)).toBe(false);
    });

    test('a state dict comes back as it was put, and into the tensors that are given', async () => {
      const prefix = nextKey();
      const weight = numbered('float32', [400, 900]);
      const stateDict = {
        layers: [
          { weight, bias: numbered('bfloat16', [3]) },
          { weight: numbered('float32', [2, 2], 1), bias: null },
        ],
        step: 12,
        'norm.scale': numbered('float64', []),
        empty: {},
        nothing: numbered('int8', [0, 4]),
      };
      await store.putStateDict(prefix, stateDict);
      expect(await store.getStateDict(prefix)).toEqual(stateDict);
      const into = { layers: [{ weight: tensor('float32', [400, 900]) }] };
      const loaded = await store.getStateDict(prefix, { into });
      expect(loaded).toEqual(stateDict);
      expect(Buffer.compare(bytesOf(into.layers[0]!.weight), bytesOf(weight))).toBe(0);
      await store.deletePrefix(prefix);
      await expect(store.getStateDict(prefix)).rejects.toThrow(KeyNotFoundError);
    });

    test('tensors that were put one by one are a flat state dict', async () => {
      const prefix = nextKey();
      await store.put(`${prefix}.a.w`, numbered('int8', [2]));
      await store.put(`${prefix}.b`, numbered('int8', [3]));
      expect(await store.getStateDict(prefix)).toEqual({ 'a.w': numbered('int8', [2]), b: numbered('int8', [3]) });
    });

    test('ranks put one state dict together, also with tensors that only some of them have', async () => {
      const prefix = nextKey();
      const whole = numbered('float32', [9, 2]);
      const put = (rank: number, own: string) =>
        store.putStateDict(prefix, {
          w: distribute(whole, { mesh: [2], placements: [shard(0)], rank }),
          [own]: numbered('int8', [rank + 1]),
        });
      await put(1, 'expert1');
      expect(await store.keys(prefix)).toEqual([]);
      await put(0, 'expert0');
      expect(await store.getStateDict(prefix)).toEqual({
        w: whole,
        expert0: numbered('int8', [1]),
        expert1: numbered('int8', [2]),
      });
      const odd = { mesh: [3], placements: [shard(0)], rank: 0 };
      const two = { a: distribute(whole, { mesh: [2], placements: [shard(0)], rank: 0 }), b: distribute(whole, odd) };
      await expect(store.putStateDict(prefix, two)).rejects.toThrow(StateDictError);
    });

    test('readers never see parts of two puts, and no bytes of old puts stay', async () => {
      const key = nextKey();
      const before = filesIn(folder).length;
      const shape = [64, 1024];
      const layout = { mesh: [2], placements: [shard(0)] };
      const rounds = 8; // a rank may be that far ahead
      const filled = (value: number) => tensor('int32', shape, new Int32Array(elementCount(shape)).fill(value));
      const reader = attachStore(store.reference);
      const writer = async (rank: number) => {
        for (let round = 1; round <= rounds; round += 1) {
          await store.put(key, distribute(filled(round), { ...layout, rank }));
        }
      };
      const seen: number[] = [];
      let isWriting = true;
      const write = async () => {
        await Promise.all([writer(0), writer(1)]).finally(() => {
          isWriting = false;
        });
      };
      const read = async () => {
        await reader.waitFor(key);
        for (let isLast = false; !isLast; ) {
          isLast = !isWriting;
          const { data } = await reader.get(key, { layout: { mesh: [2], placements: [shard(1)], rank: 1 } });
          const values = new Set<unknown>(data);
          expect([...values]).toHaveLength(1);
          seen.push(Number(data[0]));
        }
      };
      await Promise.all([write(), read()]);
      expect(seen.at(-1)).toBe(rounds);
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
      await store.delete(key);
      await expect.poll(() => filesIn(folder).length).toBe(before);
      await reader[Symbol.asyncDispose]();
    });

    test('waiting ends with the put, with the deadline, or with the signal', async () => {
      const key = nextKey();
      const arrived = store.waitFor(key);
      await store.put(`${key}.part`, numbered('int8', [1]));
      const generation = await arrived;
      expect(await store.waitFor(key, { minGeneration: generation })).toBe(generation);
      const next = store.waitFor(key, { minGeneration: generation + 1 });
      await store.put(`${key}.part`, numbered('int8', [1]));
      expect(await next).toBeGreaterThan(generation);
      await expect(store.waitFor('never', { timeoutMs: 20 })).rejects.toMatchObject({
        code: 'ERR_TORCHSTORE_DEADLINE',
      });
      const controller = new AbortController();
      const aborted = store.waitFor('never', { signal: controller.signal });
      controller.abort();
      await expect(aborted).rejects.toThrow();
    });

    test('a closed client says so', async () => {
      const client = attachStore(store.reference);
      await client.put(nextKey(), numbered('int8', [1]));
      await client[Symbol.asyncDispose]();
      await expect(client.keys()).rejects.toThrow(StoreClosedError);
      await expect(client.get('key')).rejects.toThrow(StoreClosedError);
    });
  },
);
