import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { thisHost } from '@forge/monarch';
import { Random, type Tensor, tensor } from '@forge/tensor';
import {
  openStore,
  type Store,
  StoreClosedError,
  type StoreOptions,
  VolumeFullError,
  VolumeUnavailableError,
} from '@forge/torchstore';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Worker } from './fixtures.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'forge-failover-'));
});

afterEach(() => {
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
});

const open = (options: StoreOptions) =>
  openStore({ folder, inlineBytes: 0, timeoutMs: 5_000, reconnectMs: 200, ...options });

/** The process of a volume: its folder says so. */
const pidOf = (store: Store, volume: number) =>
  Number(basename(store.reference.volumes[volume]!.directory).split('-')[3]);

const kill = (store: Store, volume: number) => process.kill(pidOf(store, volume), 'SIGKILL');

function filled(value: number, shape: readonly number[] = [64, 64]): Tensor<'int32'> {
  const result = tensor('int32', shape);
  result.data.fill(value);
  return result;
}

function onlyValue({ data }: Tensor): number {
  const values = new Set<unknown>(data);
  expect(values.size).toBe(1);
  return Number(data[0]);
}

function segmentFiles(): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'nonce')
    .map(({ name, parentPath }) => join(parentPath, name));
}

describe.each(['tmpfs', 'websocket'] as const)('over %s', (transport) => {
  test('what is committed outlives a volume that is killed, and so do reads, puts and leases', async () => {
    await using store = await open({ transport, volumes: 3, replicas: 2, reconnectMs: 10_000 });
    for (let index = 0; index < 6; index += 1) await store.put(`k${index}`, filled(index));
    const ranks = [0, 1, 2].map((rank) => ({ local: filled(rank), globalShape: [192, 64], rank }));
    for (const { rank, ...piece } of ranks)
      await store.put('cut', { ...piece, region: { offset: [rank * 64, 0], size: [64, 64] } });
    await using lease = await store.lease('k0');
    await store.put('k0', filled(100));
    kill(store, 0);
    for (let index = 1; index < 6; index += 1) expect(onlyValue(await store.get(`k${index}`))).toBe(index);
    expect(onlyValue(await store.get('k0'))).toBe(100);
    expect(onlyValue(await store.get('cut', { region: { offset: [64, 0], size: [64, 64] } }))).toBe(0 + 1);
    expect(onlyValue(await lease.get('k0'))).toBe(0);
    await store.put('k1', filled(7));
    expect(onlyValue(await store.get('k1'))).toBe(7);
    await expect.poll(async () => (await store.statistics()).lostVolumes).toEqual(['v0']);
    expect(lease.isHeld).toBe(true);
    await store.put('k1', filled(8));
    const after = new Set((await store.stat('k1'))?.parts.map(({ place }) => place.volume));
    expect(after).toEqual(new Set(['v1', 'v2']));
    await expect.poll(() => readdirSync(folder).length).toBe(2);
  });

  test('with volumes killed one after the other at random times, every operation settles and nothing committed is lost', async () => {
    await using store = await open({ transport, volumes: 3, replicas: 3 });
    const random = new Random(`failover ${transport}`);
    const committed = new Map<string, number>();
    let operations = 0;
    let isOver = false;
    const write = async (key: string) => {
      for (let value = 1; !isOver; value += 1) {
        await store.put(key, filled(value, [256, 256]));
        committed.set(key, value);
        operations += 1;
      }
    };
    const read = async (key: string) => {
      let last = 0;
      await store.waitFor(key);
      while (!isOver) {
        const value = onlyValue(await store.get(key));
        expect(value).toBeGreaterThanOrEqual(last);
        last = value;
        operations += 1;
      }
    };
    const killTwo = async () => {
      for (const volume of [2, 0]) {
        const target = operations + random.integer(60) + 20;
        await expect.poll(() => operations, { interval: 1 }).toBeGreaterThan(target);
        kill(store, volume);
      }
      const target = operations + 40;
      await expect.poll(() => operations, { interval: 1 }).toBeGreaterThan(target);
      isOver = true;
    };
    try {
      await Promise.all([write('a'), write('b'), read('a'), read('b'), killTwo()]);
    } finally {
      isOver = true;
    }
    for (const [key, value] of committed) expect(onlyValue(await store.get(key))).toBe(value);
    await expect.poll(async () => (await store.statistics()).lostVolumes.toSorted()).toEqual(['v0', 'v2']);
  });

  test('a volume that stands still costs its deadline and no more', async () => {
    await using store = await open({ transport, volumes: 2, replicas: 2, timeoutMs: 1_000, strategy: 'single' });
    await store.put('w', filled(1));
    process.kill(pidOf(store, 0), 'SIGSTOP');
    try {
      expect(onlyValue(await store.get('w'))).toBe(1);
      const put = await store.put('w', filled(2)).then(
        () => 'put',
        (error: unknown) => error,
      );
      if (put !== 'put') expect(put).toBeInstanceOf(VolumeUnavailableError);
      expect(onlyValue(await store.get('w'))).toBe(put === 'put' ? 2 : 1);
    } finally {
      process.kill(pidOf(store, 0), 'SIGCONT');
    }
  });
});

test('without replicas, what only the killed volume had is an error by its name, and the rest goes on', async () => {
  await using store = await open({ volumes: 2, strategy: 'rank', supervise: () => true });
  const piece = (rank: number) => ({
    local: filled(rank),
    globalShape: [128, 64],
    region: { offset: [rank * 64, 0], size: [64, 64] },
  });
  await store.putStateDict('first', { w: filled(1) }, { participant: { rank: 0, ranks: 1 } });
  await using other = await store.begin('both', { participant: { rank: 0, ranks: 2 } });
  await using last = await store.begin('both', { participant: { rank: 1, ranks: 2 } });
  await other.put('w', piece(0));
  await last.put('w', piece(1));
  await other.commit();
  await last.commit();
  kill(store, 1);
  await expect.poll(async () => (await store.statistics()).lostVolumes).toEqual(['v1']);
  expect(onlyValue(await store.get('both.w', { region: { offset: [0, 0], size: [64, 64] } }))).toBe(0);
  const error = await store.get('both.w').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(VolumeUnavailableError);
  expect(error).toMatchObject({ volume: 'v1', message: expect.stringContaining("only copy of a piece of 'both.w'") });
  expect((await store.stat('both.w'))?.lostVolumes).toEqual(['v1']);
  expect(await store.getStateDict('first')).toEqual({ w: filled(1) });
  await store.put('both.w', filled(3));
  expect(onlyValue(await store.get('both.w'))).toBe(3);
  kill(store, 0);
  // Until its end is noticed, the files that it leaves can still be read.
  const outcome = () => store.get('both.w').then(onlyValue, (thrown: unknown) => thrown);
  await expect.poll(outcome).toBeInstanceOf(StoreClosedError);
});

/** Processes that this one has started and that run. */
function children(): number[] {
  const listed = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8');
  return listed.split(' ').filter(Boolean).map(Number);
}

test.runIf(process.platform === 'linux')(
  'when the process of the metadata is killed every caller hears that the store is closed, and no byte stays',
  async () => {
    const before = children();
    const store = await open({ volumes: 2, supervise: () => true });
    await store.put('w', filled(1));
    const volumes = [0, 1].map((volume) => pidOf(store, volume));
    const [metadata, ...others] = children().filter((pid) => !before.includes(pid) && !volumes.includes(pid));
    expect(others).toEqual([]);
    const waiting = store.waitFor('never').catch((thrown: unknown) => thrown);
    const transaction = await store.begin('m');
    process.kill(metadata!, 'SIGKILL');
    expect(await waiting).toBeInstanceOf(StoreClosedError);
    const operations = [store.get('w'), store.put('w', filled(2)), store.lease('w'), transaction.commit()];
    for (const outcome of await Promise.allSettled(operations))
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_TORCHSTORE_CLOSED' } });
    await store[Symbol.asyncDispose]();
  },
);

test('a store that stands still costs every caller its deadline, and goes on when it can', async () => {
  await using store = await open({ timeoutMs: 1_000 });
  await store.put('w', filled(1));
  process.kill(pidOf(store, 0), 'SIGSTOP');
  try {
    const operations = [
      store.get('w'),
      store.put('w', filled(2)),
      store.exists('w'),
      store.lease('w'),
      store.begin('m'),
    ];
    for (const outcome of await Promise.allSettled(operations)) {
      if (outcome.status === 'fulfilled') expect.fail('it was answered by a process that stands still');
      expect(['ERR_TORCHSTORE_DEADLINE', 'ERR_TORCHSTORE_VOLUME']).toContain(outcome.reason.code);
    }
  } finally {
    process.kill(pidOf(store, 0), 'SIGCONT');
  }
  const goesOn = () =>
    store.put('w', filled(3)).then(
      () => true,
      () => false,
    );
  await expect.poll(goesOn).toBe(true);
  expect(onlyValue(await store.get('w'))).toBe(3);
  // What nobody heard of is not held for ever.
  const held = async () => {
    const { leases, reads, unfinished } = await store.statistics();
    return { leases, reads, unfinished };
  };
  await expect.poll(held).toEqual({ leases: 0, reads: 0, unfinished: 0 });
});

test('the death of a participant leaves the version before it and frees what all ranks had staged', async () => {
  await using store = await open({});
  await store.putStateDict('m', { w: filled(1) }, { version: 1 });
  const before = segmentFiles();
  await using procs = await thisHost().spawnProcs({ perHost: { rank: 2 }, supervise: () => true });
  const workers = await procs.spawn('workers', Worker, store.reference);
  const stage = (rank: number, commits: boolean) =>
    workers.slice({ rank }).stage.callOne('m', { participant: { rank, ranks: 3 }, version: 2, value: 5, commits });
  await stage(0, true);
  await stage(1, false);
  await using own = await store.begin('m', { participant: { rank: 2, ranks: 3 }, version: 2 });
  await own.put('mine', filled(2));
  expect(segmentFiles().length).toBe(before.length + 3);
  process.kill(await workers.slice({ rank: 1 }).pid.callOne(), 'SIGKILL');
  await expect.poll(segmentFiles).toHaveLength(before.length + 1);
  const error = await own.commit().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'ERR_TORCHSTORE_ABORTED', reason: 'rank 1 was lost' });
  expect(await store.getStateDict('m')).toEqual({ w: filled(1) });
  await expect.poll(segmentFiles).toEqual(before);
  await store.putStateDict('m', { w: filled(2) }, { version: 2 });
});

test('the lease of a process that is killed ends', async () => {
  await using store = await open({});
  await store.put('w', filled(1));
  await using procs = await thisHost().spawnProcs({ supervise: () => true });
  const worker = await procs.spawn('worker', Worker, store.reference);
  expect(await worker.lease.callOne('w')).toBe(1);
  await store.put('w', filled(2));
  expect(await store.statistics()).toMatchObject({ leases: 1, generations: 2 });
  process.kill(await worker.pid.callOne(), 'SIGKILL');
  await expect.poll(async () => (await store.statistics()).leases).toBe(0);
  await expect.poll(segmentFiles).toHaveLength(1);
});

test('a publisher that is killed in the middle leaves a whole version, and no byte of the next', async () => {
  await using store = await open({});
  await using procs = await thisHost().spawnProcs({ supervise: () => true });
  const worker = await procs.spawn('worker', Worker, store.reference);
  const pid = await worker.pid.callOne();
  worker.publishForEver.callOne('p', [512, 1024]).catch(() => {}); // it ends with the process
  await store.waitFor('p', { minGeneration: 5 });
  process.kill(pid, 'SIGKILL');
  const { stateDict, version } = await store.loadStateDict('p');
  for (const name of ['a', 'b']) expect(onlyValue(stateDict[name] as Tensor)).toBe(version);
  await expect.poll(segmentFiles).toHaveLength(2);
  await store.deletePrefix('p');
  await expect.poll(segmentFiles).toEqual([]);
});

/** Mounts need rights that not every machine gives. */
function mountTiny(at: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', at], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test.for(['tmpfs', 'websocket'] as const)(
  'a full memory is an error over %s, and the store stays usable',
  async (transport, { skip }) => {
    const tiny = mkdtempSync(join(tmpdir(), 'forge-tiny-'));
    const isMounted = mountTiny(tiny);
    try {
      if (!isMounted) skip('mounting needs more rights');
      await using store = await open({ folder: tiny, transport });
      await store.put('w', filled(1));
      for (let round = 0; round < 3; round += 1) {
        const error = await store.put('large', filled(2, [1024, 2048])).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(VolumeFullError);
        expect(error).toMatchObject({ code: 'ERR_TORCHSTORE_FULL', volume: 'v0' });
        expect(onlyValue(await store.get('w'))).toBe(1);
      }
      expect(await store.keys()).toEqual(['w']);
      // What the refused puts had written is gone: three quarters of the memory are free again.
      await expect
        .poll(async () =>
          store.put('fits', filled(3, [768, 1024])).then(
            () => true,
            () => false,
          ),
        )
        .toBe(true);
    } finally {
      if (isMounted) execFileSync('umount', [tiny]);
      rmSync(tiny, { recursive: true });
    }
  },
);
