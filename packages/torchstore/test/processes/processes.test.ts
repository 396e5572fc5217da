import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { thisHost } from '@forge/monarch';
import { tensor } from '@forge/tensor';
import { openStore, StoreClosedError, shard } from '@forge/torchstore';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isGone, thisOwner } from '../../src/owner.ts';
import { createVolumeDirectory, sweepDeadOwners } from '../../src/volume-directory.ts';
import { Worker } from './fixtures.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'forge-processes-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function segmentFiles(): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'nonce')
    .map(({ name, parentPath }) => join(parentPath, name));
}

test.each(['tmpfs', 'websocket'] as const)('processes put shards and get other shards over %s', async (transport) => {
  await using store = await openStore({ folder, transport, volumes: 2 });
  await using procs = await thisHost().spawnProcs({ perHost: { rank: 4 } });
  const workers = await procs.spawn('workers', Worker, store.reference);
  const shape = [1000, 600];
  await Promise.all(
    [0, 1, 2, 3].map((rank) =>
      workers.slice({ rank }).putFilled.callOne('w', shape, { mesh: [4], placements: [shard(0)], rank }, rank + 1),
    ),
  );
  const got = await workers.slice({ rank: 2 }).get.callOne('w', { mesh: [2], placements: [shard(1)], rank: 1 });
  expect(got.shape).toEqual([1000, 300]);
  for (const rank of [0, 1, 2, 3]) {
    const rows = got.data.subarray(rank * 250 * 300, (rank + 1) * 250 * 300);
    expect(new Set<unknown>(rows)).toEqual(new Set([rank + 1]));
  }
});

test.each(['tmpfs', 'websocket'] as const)(
  'a process killed in the middle of a put over %s leaves the old tensor, and none of its bytes',
  async (transport) => {
    await using store = await openStore({ folder, transport });
    const failed: string[] = [];
    const procs = await thisHost().spawnProcs({
      supervise: ({ kind }) => {
        failed.push(kind);
        return true;
      },
    });
    const worker = await procs.spawn('worker', Worker, store.reference);
    const pid = await worker.pid.callOne();
    const shape = [2048, 4096];
    worker.putForEver.callOne('w', shape).catch(() => {}); // it ends with the process
    await store.waitFor('w', { minGeneration: 2 });
    const before = new Set(segmentFiles());
    // A segment that nobody had committed a moment ago is being written now.
    await expect.poll(() => segmentFiles().some((path) => !before.has(path)), { interval: 1 }).toBe(true);
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => failed).toEqual(['signal']);
    const { data } = await store.get('w');
    expect(new Set<unknown>(data).size).toBe(1);
    await expect.poll(() => segmentFiles().length).toBe(1);
    await store.delete('w');
    await expect.poll(() => segmentFiles().length).toBe(0);
    await procs.stop();
  },
);

test('a reader that is killed lets go of what it was reading', async () => {
  await using store = await openStore({ folder, transport: 'websocket' });
  const procs = await thisHost().spawnProcs({ supervise: () => true });
  const worker = await procs.spawn('worker', Worker, store.reference);
  const pid = await worker.pid.callOne();
  const layout = { mesh: [1], placements: [shard(0)], rank: 0 };
  const shape = [4096, 4096];
  await worker.putFilled.callOne('w', shape, layout, 1);
  worker.get.callOne('w', layout).catch(() => {}); // it ends with the process
  process.kill(pid, 'SIGKILL');
  await store.put('w', tensor('int8', [1])); // it lies with the metadata
  await expect.poll(() => segmentFiles().length).toBe(0);
  await procs.stop();
});

async function startProgram(): Promise<{ readonly kill: (signal: 'SIGKILL' | 'SIGTERM') => Promise<void> }> {
  const program = spawn(process.execPath, [join(import.meta.dirname, 'program.ts'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(program, 'exit');
  const [line] = (await once(createInterface(program.stdout), 'line')) as [string]; // readline's 'line' event
  expect(JSON.parse(line)).toEqual({ bytes: 4 << 20 });
  return {
    async kill(signal) {
      program.kill(signal);
      await ended;
    },
  };
}

test('no byte stays when the program is killed', async () => {
  const program = await startProgram();
  expect(segmentFiles()).toHaveLength(1);
  await program.kill('SIGKILL');
  await expect.poll(() => readdirSync(folder)).toEqual([]);
});

test('what a killed volume leaves, the next store sweeps', async () => {
  const program = await startProgram();
  const [name] = readdirSync(folder);
  const owner = { ...thisOwner(), pid: ownerPid(name!), startTicks: Number(name!.split('-')[4]) };
  process.kill(owner.pid, 'SIGKILL');
  await program.kill('SIGKILL');
  await expect.poll(() => isGone(owner)).toBe(true); // a busy machine takes its time
  expect(segmentFiles()).toHaveLength(1);
  await using store = await openStore({ folder, kind: 'inline' });
  expect(readdirSync(folder)).not.toContain(name);
  expect(await store.keys()).toEqual([]);
});

test('a store whose process is killed says that it is closed, and leaves nothing when it is disposed of', async () => {
  const store = await openStore({ folder, supervise: () => true });
  process.kill(ownerPid(readdirSync(folder)[0]!), 'SIGKILL');
  await expect(store.get('w')).rejects.toThrow(StoreClosedError);
  expect(readdirSync(folder)).toHaveLength(1);
  await store[Symbol.asyncDispose]();
  expect(readdirSync(folder)).toEqual([]);
});

/** The process that a volume's directory says it belongs to. */
function ownerPid(name: string): number {
  return Number(name.split('-')[3]);
}

test('a sweep takes only what is certainly dead', () => {
  const { namespace, pid, startTicks } = thisOwner();
  const own = createVolumeDirectory(folder).path;
  const names = {
    dead: `forge-torchstore-${namespace}-${2 ** 22 + 1}-5-ab`,
    recycled: `forge-torchstore-${namespace}-${pid}-${startTicks + 1}-ab`,
    otherContainer: `forge-torchstore-${namespace + 1}-${2 ** 22 + 1}-5-ab`,
    unrelated: 'forge-torchstore-notes',
  };
  for (const name of Object.values(names)) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'nonce'), '');
  }
  expect(sweepDeadOwners(folder).sort()).toEqual([join(folder, names.dead), join(folder, names.recycled)].sort());
  expect(readdirSync(folder).sort()).toEqual(
    [own.slice(folder.length + 1), names.otherContainer, names.unrelated].sort(),
  );
});
