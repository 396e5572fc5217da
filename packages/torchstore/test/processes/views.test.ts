import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { thisHost } from '@forge/monarch';
import { loadNative } from '@forge/monarch/memory';
import { type Tensor, tensor } from '@forge/tensor';
import { openStore, releaseViews, type Store, type StoreOptions, VolumeUnavailableError } from '@forge/torchstore';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isInMemory } from '../../src/mapped-files.ts';
import { Worker } from './fixtures.ts';

const memory = '/dev/shm';
// Without koffi, or where /dev/shm is no tmpfs, nothing can be mapped; values are copied then, as other tests check.
const hasMapping = isInMemory(memory) && loadNative() !== undefined;
const count = 2 ** 19; // 2 MiB: large enough to be viewed, and to wait for a writer

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(memory, 'forge-views-'));
});

afterEach(() => {
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
});

const open = (options: StoreOptions = {}) =>
  openStore({ folder, timeoutMs: 10_000, reconnectMs: 200, supervise: () => true, ...options });

const pidOf = (store: Store, volume: number) =>
  Number(basename(store.reference.volumes[volume]!.directory).split('-')[3]);

function filled(value: number): Tensor<'int32'> {
  const result = tensor('int32', [count]);
  result.data.fill(value);
  return result;
}

const valuesOf = ({ data }: Tensor) => [...new Set<unknown>(data)];

const segmentsOf = (store: Store): string[] =>
  store.reference.volumes.flatMap(({ directory }) =>
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'nonce')
      .map(({ parentPath, name }) => join(parentPath, name)),
  );

async function startWorker(store: Store) {
  const procs = await thisHost().spawnProcs({ supervise: () => true });
  const worker = await procs.spawn('worker', Worker, store.reference);
  const pid = await worker.pid.callOne();
  return { worker, kill: () => process.kill(pid, 'SIGKILL'), [Symbol.asyncDispose]: () => procs.stop() };
}

describe.skipIf(!hasMapping)('a view', () => {
  test('shows what it showed when the volume, the writer and at last the store are gone', async () => {
    let view: Tensor;
    {
      await using store = await open({ volumes: 2, strategy: 'single' });
      await using writer = await startWorker(store);
      await writer.worker.publishLive.callOne('p', 7, count);
      view = await store.get('p.w', { mapped: true });
      writer.kill();
      await expect.poll(() => segmentsOf(store).length).toBe(1);
      expect(valuesOf(view)).toEqual([7]);
      process.kill(pidOf(store, 0), 'SIGKILL');
      await expect.poll(async () => (await store.statistics()).lostVolumes).toEqual(['v0']);
      await expect(store.get('p.w', { mapped: true })).rejects.toBeInstanceOf(VolumeUnavailableError);
      expect(valuesOf(view)).toEqual([7]);
    }
    expect(valuesOf(view)).toEqual([7]);
    releaseViews(view);
    expect(valuesOf(view)).toEqual([0]);
  });

  test('of a process that was killed lets go of its memory, which is not written again', async () => {
    await using store = await open();
    await using reader = await startWorker(store);
    await store.put('w', filled(1));
    const [first] = segmentsOf(store);
    expect(await reader.worker.view.callOne('w')).toEqual([1]);
    for (const value of [2, 3, 4]) await store.put('w', filled(value));
    expect(await reader.worker.viewed.callOne()).toEqual([1]);
    expect(segmentsOf(store)).toContain(first);
    reader.kill();
    await expect.poll(() => segmentsOf(store).includes(first!)).toBe(false);
    await store.delete('w');
  });

  test('of live memory is of one version, and a reader that was killed with one does not stop the publishing', async () => {
    await using store = await open();
    await using writer = await startWorker(store);
    await using reader = await startWorker(store);
    for (const value of [1, 2, 3]) {
      await writer.worker.publishLive.callOne('p', value, count);
      const before = value === 1 ? [] : [value - 1];
      expect(await reader.worker.viewed.callOne()).toEqual(before);
      expect(await reader.worker.view.callOne('p.w')).toEqual([value]);
    }
    reader.kill();
    for (const value of [4, 5, 6]) {
      await writer.worker.publishLive.callOne('p', value, count);
      expect(valuesOf(await store.get('p.w'))).toEqual([value]);
    }
    await expect.poll(() => segmentsOf(store).length).toBe(2);
    writer.kill();
    // What is visible stays, without the memory that its writer has prepared for the next.
    await expect.poll(() => segmentsOf(store).length).toBe(1);
    expect(valuesOf(await store.get('p.w'))).toEqual([6]);
  });
});

test.skipIf(!hasMapping)('live memory outlives its volume, and is published to another', async () => {
  await using store = await open({ volumes: 2, strategy: 'single' });
  await using publisher = store.publisher('p');
  const w = tensor('int32', [count], new Int32Array(await publisher.allocate(count * 4), 0, count));
  w.data.fill(1);
  await publisher.publish({ w });
  await publisher.prepare();
  process.kill(pidOf(store, 0), 'SIGKILL');
  await expect.poll(async () => (await store.statistics()).lostVolumes).toEqual(['v0']);
  expect(valuesOf(w)).toEqual([1]);
  w.data.fill(2);
  // The first may still find the connection of before.
  await publisher.publish({ w }).catch(() => publisher.publish({ w }));
  expect(valuesOf(await store.get('p.w'))).toEqual([2]);
  expect((await store.stat('p.w'))?.parts.map(({ place }) => place.volume)).toEqual(['v1']);
  w.data.fill(3);
  await publisher.publish({ w });
  expect(valuesOf(await store.get('p.w'))).toEqual([3]);
});
