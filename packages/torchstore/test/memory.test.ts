import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { loadNative } from '@forge/monarch/memory';
import { bytesOf, type Tensor, tensor } from '@forge/tensor';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { attachStore, openStore, releaseViews, type Store, shard, VolumeFullError } from '../src/index.ts';
import { isInMemory, mappedFiles } from '../src/mapped-files.ts';
import { numbered } from './arbitraries.ts';
import { bits, cut } from './semantics/stores.ts';

const memory = '/dev/shm';
const shape = [640, 512];
// Without koffi, or where /dev/shm is no tmpfs, nothing can be mapped; values are copied then, as other tests check.
const hasMapping = isInMemory(memory) && loadNative() !== undefined;

let folder: string;
let store: Store;

beforeEach(async () => {
  folder = mkdtempSync(join(memory, 'forge-memory-'));
  store = await openStore({ kind: 'inline', folder, transport: 'tmpfs', inlineBytes: 0, reconnectMs: 200 });
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
});

afterAll(() => mappedFiles.unmapIdle());

function filled(value: number, size: readonly number[] = shape): Tensor<'float32'> {
  const result = tensor('float32', size);
  result.data.fill(value);
  return result;
}

/** The files of a store: in use, and waiting for a writer. */
function inodes(): { readonly used: number[]; readonly warm: number[] } {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name !== 'nonce',
  );
  const own = (isWarm: boolean) =>
    files
      .filter(({ parentPath }) => parentPath.endsWith('.warm') === isWarm)
      .map(({ parentPath, name }) => statSync(join(parentPath, name)).ino);
  return { used: own(false), warm: own(true) };
}

// Skipped where /dev/shm is no tmpfs: its files would lie on a disk.
describe.skipIf(!isInMemory(memory))('memory of the host', () => {
  test('the file of a put that was replaced is written again, and read right', async () => {
    await store.put('w', filled(1));
    const [first] = inodes().used;
    await store.put('w', filled(2));
    await expect.poll(() => inodes().warm).toEqual([first]);
    // A little smaller: it ends before its file does.
    const next = numbered('float32', [600, 512]);
    await store.put('w', next);
    expect(inodes().used).toEqual([first]);
    expect(bits(await store.get('w'))).toEqual(bits(next));
  });

  test('a file is not written again as long as a lease holds it', async () => {
    await store.put('w', filled(1));
    const lease = await store.lease('w');
    for (const value of [2, 3, 4]) await store.put('w', filled(value));
    expect((await lease.get('w')).data[7]).toBe(1);
    await lease.release();
  });

  test('a file whose reader was lost is removed, not written again', async () => {
    await using other = attachStore(store.reference);
    await store.put('w', filled(1));
    const [first] = inodes().used;
    const lease = await other.lease('w');
    await other[Symbol.asyncDispose]();
    expect(lease.isHeld).toBe(false);
    await store.put('w', filled(2));
    await expect.poll(() => inodes().used.includes(first!)).toBe(false);
    expect(inodes().warm).not.toContain(first);
  });

  test('any box of a large tensor is read right, from a file that was written again', async () => {
    const whole = numbered('int16', [64, 96, 200], 3);
    for (let round = 0; round < 3; round += 1) await store.put('w', whole);
    const side = (extent: number) =>
      fc.tuple(fc.nat(extent), fc.nat(extent)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
    await fc.assert(
      fc.asyncProperty(side(64), side(96), side(200), async (...sides) => {
        const region = { offset: sides.map(([start]) => start), size: sides.map(([start, end]) => end - start) };
        const expected = cut(whole, region);
        const got = await store.get('w', { region });
        expect(Buffer.compare(bytesOf(got), bytesOf(expected))).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test('pieces of four ranks are read as columns', async () => {
    const whole = numbered('float32', shape);
    for (const rank of [0, 1, 2, 3]) {
      const layout = { mesh: [4], placements: [shard(0)], rank };
      const local = cut(whole, { offset: [rank * 160, 0], size: [160, 512] });
      await store.put('w', { local, globalShape: shape, layout });
    }
    const right = await store.get('w', { layout: { mesh: [2], placements: [shard(1)], rank: 1 } });
    expect(bits(right)).toEqual(bits(cut(whole, { offset: [0, 256], size: [640, 256] })));
  });

  test.skipIf(!hasMapping)('a file with pages that do not exist is not mapped', () => {
    const path = join(folder, 'hollow');
    const descriptor = openSync(path, 'wx+');
    writeSync(descriptor, Buffer.alloc(4096, 1));
    ftruncateSync(descriptor, 2 ** 20);
    expect(mappedFiles.open(descriptor)).toBeUndefined();
    closeSync(descriptor);
    rmSync(path);
  });
});

describe.skipIf(!hasMapping)('a mapped view', () => {
  test('shows what a copy would, and writing to it changes nothing else', async () => {
    const whole = numbered('float32', shape);
    await store.put('w', whole);
    const view = await store.get('w', { mapped: true });
    expect(bits(view)).toEqual(bits(whole));
    view.data.fill(0 as never);
    expect(bits(await store.get('w'))).toEqual(bits(whole));
    releaseViews(view);
  });

  test('of rows begins in the middle of the file', async () => {
    const whole = numbered('int16', [2000, 513]);
    await store.put('w', whole);
    const region = { offset: [701, 0], size: [1100, 513] };
    const view = await store.get('w', { region, mapped: true });
    expect(view.data.byteOffset % 4096).not.toBe(0); // a copy begins at 0
    expect(bits(view)).toEqual(bits(cut(whole, region)));
  });

  test('stays what it was through later puts and deletes, and after the store', async () => {
    await using other = attachStore(store.reference);
    await store.put('w', filled(1));
    const view = await other.get('w', { mapped: true });
    for (const value of [2, 3, 4, 5]) await store.put('w', filled(value));
    await store.delete('w');
    expect(new Set<unknown>(view.data)).toEqual(new Set([1]));
    await other[Symbol.asyncDispose]();
    await store.put('w', filled(6));
    await store.put('w', filled(7));
    await store.put('w', filled(8));
    expect(new Set<unknown>(view.data)).toEqual(new Set([1]));
  });

  test('that is released is zeros, and its memory is written again', async () => {
    await store.put('w', filled(1));
    const [first] = inodes().used;
    const view = await store.get('w', { mapped: true });
    await store.put('w', filled(2));
    expect(inodes().warm).toEqual([]);
    releaseViews(view);
    releaseViews(view);
    expect(new Set<unknown>(view.data)).toEqual(new Set([0]));
    await expect.poll(() => inodes().warm).toEqual([first]);
  });

  test('that was released stays zeros when its memory has room for other views, which show their own', async () => {
    await store.put('w', filled(1));
    const other = numbered('float32', shape);
    await store.put('v', other);
    const released: Tensor[] = [];
    for (let round = 0; round < 8; round += 1) {
      const view = await store.get('v', { mapped: true });
      expect(Buffer.compare(bytesOf(view), bytesOf(other))).toBe(0);
      for (const { data } of released) data[round] = 9 as never;
      expect(Buffer.compare(bytesOf(view), bytesOf(other))).toBe(0);
      releaseViews(view);
      released.push(view);
    }
    for (const { data } of released) expect(data.subarray(8).every((each) => each === 0)).toBe(true);
    // Room for many views is reserved at once, or V8 would collect garbage for each of them.
    expect(new Set(released.map(({ data }) => data.buffer)).size).toBeLessThan(5);
    await expect.poll(async () => (await store.statistics()).reads).toBe(0);
  });

  test('cannot be transferred away', async () => {
    await store.put('w', filled(1));
    const view = await store.get('w', { mapped: true });
    const { buffer } = view.data;
    expect(() => structuredClone(buffer, { transfer: [buffer as ArrayBuffer] })).toThrow(/transfer|clone|detach/i);
    expect(view.data[3]).toBe(1);
  });

  test('of a state dict has all large tensors mapped, the rest copied, and is released as one', async () => {
    const values = {
      layers: [
        { weight: filled(1), bias: filled(2, [4]) },
        { weight: filled(3), bias: filled(4, [4]) },
      ],
    };
    await store.putStateDict('p', { ...values, step: 7 });
    const loaded = await store.getStateDict('p', { mapped: true });
    expect(loaded).toEqual({ ...values, step: 7 });
    expect((await store.statistics()).reads).toBe(1);
    releaseViews(loaded);
    await expect.poll(async () => (await store.statistics()).reads).toBe(0);
    expect(loaded).toMatchObject({ layers: [{ bias: filled(2, [4]) }, { bias: filled(4, [4]) }], step: 7 });
  });

  test('what several pieces or no side by side bytes hold is copied', async () => {
    await store.put('w', numbered('float32', shape));
    const columns = await store.get('w', { region: { offset: [0, 0], size: [640, 256] }, mapped: true });
    expect(bits(columns)).toEqual(bits(cut(numbered('float32', shape), { offset: [0, 0], size: [640, 256] })));
    expect((await store.statistics()).reads).toBe(0);
  });
});

function mountTiny(directory: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', directory], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test('a full tmpfs is an error, memory that waits is used first, and the store stays usable', async ({ skip }) => {
  const tiny = mkdtempSync(join(memory, 'forge-tiny-'));
  if (!mountTiny(tiny)) {
    rmSync(tiny, { recursive: true });
    skip('mounting needs more rights');
  }
  try {
    await using small = await openStore({ kind: 'inline', folder: tiny, transport: 'tmpfs' });
    const large = filled(1, [2, 2 ** 20]); // 8 MiB
    await small.put('w', large);
    await expect(small.put('w', large)).rejects.toBeInstanceOf(VolumeFullError);
    expect((await small.get('w')).data[5]).toBe(1);
    await small.delete('w');
    // The 8 MiB wait for a writer of as many; this one needs them as something else.
    await small.put('v', filled(2, [10, 2 ** 18]));
    expect((await small.get('v')).data[5]).toBe(2);
    await using publisher = small.publisher('p');
    await expect(publisher.allocate(4 * 2 ** 20)).rejects.toBeInstanceOf(VolumeFullError);
    await small.delete('v');
    // What could be written of it is given back.
    const buffer = await publisher.allocate(4 * 2 ** 20);
    const local = tensor('float32', [2 ** 20], new Float32Array(buffer, 0, 2 ** 20));
    for (const value of [1, 2, 3]) {
      local.data.fill(value);
      await publisher.publish({ local });
    }
    expect((await small.get('p.local')).data[5]).toBe(3);
    await expect(publisher.allocate(8 * 2 ** 20)).rejects.toBeInstanceOf(VolumeFullError);
    expect(local.data[5]).toBe(3);
  } finally {
    mappedFiles.unmapIdle();
    execFileSync('umount', ['--lazy', tiny]); // allocated memory lives until it is collected
    rmSync(tiny, { recursive: true });
  }
});
