import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { loadNative } from '@forge/monarch/memory';
import { type Tensor, tensor } from '@forge/tensor';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStore, type Publisher, releaseViews, type Store, VersionConflictError } from '../src/index.ts';
import { isInMemory, mappedFiles } from '../src/mapped-files.ts';

const memory = '/dev/shm';
// Without koffi, or where /dev/shm is no tmpfs, nothing can be mapped; values are copied then, as other tests check.
const hasMapping = isInMemory(memory) && loadNative() !== undefined;
const count = 2 ** 18; // 1 MiB of float32: large enough to be viewed

let folder: string;
let store: Store;

beforeEach(async () => {
  folder = mkdtempSync(join(memory, 'forge-live-'));
  store = await openStore({ kind: 'inline', folder, reconnectMs: 200 });
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
  mappedFiles.unmapIdle();
});

/** The bytes of all segments. */
function segmentBytes(): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'nonce')
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

/** Two tensors in memory of a publisher. */
async function allocateWeights(publisher: Publisher): Promise<Record<'a' | 'b', Tensor<'float32'>>> {
  const buffer = await publisher.allocate(2 * count * 4);
  const at = (index: number) => tensor('float32', [count], new Float32Array(buffer, index * count * 4, count));
  return { a: at(0), b: at(1) };
}

/** The one value that all elements have; NaN when there are several. */
function onlyValue({ data }: Pick<Tensor, 'data'>): number {
  const first = Number(data[0]);
  for (let index = 0; index < data.length; index += 1) if (Number(data[index]) !== first) return Number.NaN;
  return first;
}

const valuesOf = async (): Promise<number[]> => {
  const both = await store.getBatch(['p.a', 'p.b']);
  return [onlyValue(both['p.a']), onlyValue(both['p.b'])];
};

describe.skipIf(!hasMapping)('allocated memory (skipped where none can be mapped)', () => {
  test('is published without writing a byte once it is prepared, in the memory of two versions', async () => {
    await using publisher = store.publisher('p');
    const weights = await allocateWeights(publisher);
    for (let version = 1; version <= 4; version += 1) {
      weights.a.data.fill(version);
      weights.b.data.fill(-version);
      await publisher.publish(weights, version);
      expect(await valuesOf()).toEqual([version, -version]);
      await publisher.prepare();
    }
    expect((await store.statistics()).client.puts).toMatchObject({ count: 4, bytes: { tmpfs: 0, websocket: 0 } });
    expect(segmentBytes()).toBe(2 * 2 * count * 4);
  });

  test('may be written at once after it was published: what was published stays', async () => {
    await using publisher = store.publisher('p');
    const weights = await allocateWeights(publisher);
    weights.a.data.fill(1);
    await publisher.publish(weights, 1);
    const view = await store.get('p.a', { mapped: true });
    weights.a.data.fill(2);
    expect(await valuesOf()).toEqual([1, 0]);
    expect(onlyValue(view)).toBe(1);
    await publisher.publish(weights, 2);
    expect(await valuesOf()).toEqual([2, 0]);
    expect(onlyValue(view)).toBe(1);
    expect(onlyValue(weights.a)).toBe(2);
  });

  test('that could not be published keeps what it holds, and is published the next time', async () => {
    await using publisher = store.publisher('p');
    const weights = await allocateWeights(publisher);
    weights.a.data.fill(1);
    await publisher.publish(weights, 5);
    weights.a.data.fill(2);
    await expect(publisher.publish(weights, 4)).rejects.toThrow(VersionConflictError);
    expect(await valuesOf()).toEqual([1, 0]);
    weights.b.data.fill(3);
    await publisher.publish(weights, 6);
    expect(await valuesOf()).toEqual([2, 3]);
  });

  test('outlives its publisher and the store', async () => {
    const publisher = store.publisher('p');
    const weights = await allocateWeights(publisher);
    weights.a.data.fill(1);
    await publisher.publish(weights, 1);
    await publisher[Symbol.asyncDispose]();
    weights.a.data[0] = 9;
    for (let round = 0; round < 3; round += 1) await store.putStateDict('p', { a: tensor('float32', [2 * count]) });
    await store[Symbol.asyncDispose]();
    expect([weights.a.data[0], weights.a.data[1]]).toEqual([9, 1]);
  });

  test('is ordinary memory where pieces have replicas', async () => {
    await using other = await openStore({ kind: 'inline', folder, volumes: 2, replicas: 2 });
    await using publisher = other.publisher('p');
    const buffer = await publisher.allocate(64);
    const a = tensor('float32', [16], new Float32Array(buffer));
    a.data.fill(4);
    await publisher.publish({ a }, 1);
    expect((await other.get('p.a')).data[3]).toBe(4);
    structuredClone(buffer, { transfer: [buffer] });
  });

  test('shows every reader whole versions, whatever is written, prepared and released in between', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('write' as const), value: fc.integer({ min: 1, max: 1000 }) }),
      fc.record({ kind: fc.constantFrom('publish', 'prepare', 'view') }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 16 }), async (steps) => {
        await using publisher = store.publisher('p');
        const weights = await allocateWeights(publisher);
        let [written, published] = [0, undefined as number | undefined];
        let view: { readonly data: ArrayLike<unknown>; readonly expected: number } | undefined;
        for (const each of steps) {
          // A version whose view is held is not written again: publishing would wait.
          if (each.kind !== 'write' && each.kind !== 'view') {
            releaseViews(view);
            view = undefined;
          }
          if (each.kind === 'write') {
            written = each.value;
            for (const { data } of Object.values(weights)) data.fill(written);
          } else if (each.kind === 'prepare') await publisher.prepare();
          else if (each.kind === 'publish') {
            await publisher.publish(weights);
            published = written;
          } else if (published !== undefined && view === undefined) {
            view = { ...(await store.get('p.b', { mapped: true })), expected: published };
          }
          if (published !== undefined) expect(await valuesOf()).toEqual([published, published]);
          if (view !== undefined) expect([view.data[0], view.data[count - 1]]).toEqual([view.expected, view.expected]);
          expect(weights.a.data[7]).toBe(written);
        }
        releaseViews(view);
        await store.deletePrefix('p');
      }),
      { numRuns: 12 },
    );
  });
});
