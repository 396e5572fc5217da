import { execFileSync, fork } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmdirSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as anywhere, expect } from 'vitest';
import { DecodeError } from '../../src/errors.ts';
import { loadNative } from '../../src/memory/native.ts';
import { SegmentPool } from '../../src/memory/segment-pool.ts';
import { SegmentReader } from '../../src/memory/segment-reader.ts';
import { segmentReference } from '../../src/memory/segment-reference.ts';
import type { Order } from '../fixtures/memory-peer.ts';
import { until } from '../fixtures/until.ts';

const MIB = 2 ** 20;
const native = loadNative();
/** Without tmpfs there are no segments. */
const test = anywhere.skipIf(!existsSync('/dev/shm'));
/** Without koffi memory is read, and nothing is mapped. */
const testMapped = anywhere.skipIf(native === undefined);
/** A small tmpfs, to be filled, is mounted; only root can. */
const testMount = anywhere.skipIf(process.getuid?.() !== 0);

function startPeer(directory = '/dev/shm') {
  const child = fork(new URL('../fixtures/memory-peer.ts', import.meta.url), [directory]);
  return {
    pid: child.pid,
    ask: async (order: Order): Promise<unknown> => {
      const answer = new Promise((resolve) => child.once('message', resolve));
      child.send(order);
      return await answer;
    },
    kill: async () => {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await exited;
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const exited = new Promise((resolve) => child.once('exit', resolve));
        child.disconnect();
        await exited;
      }
    },
  };
}

async function lentBy(peer: ReturnType<typeof startPeer>, byteLength: number, value: number) {
  return segmentReference(await peer.ask({ lend: [byteLength, value] }));
}

testMapped('what was mapped outlives the SIGKILL of who lent it, and can no more be opened', async () => {
  await using peer = startPeer();
  const [mapped, late] = [await lentBy(peer, MIB, 3), await lentBy(peer, MIB, 4)];
  const reader = new SegmentReader({ native });
  const view = reader.take(mapped, () => {});
  await peer.kill();
  expect(view.every((byte) => byte === 3)).toBe(true);
  expect(() => reader.take(late, () => {})).toThrow(DecodeError);
});

test('a segment is closed when the process that read it was killed, and nothing of the pool is left', async () => {
  const pool = new SegmentPool({ native });
  await using peer = startPeer();
  const reference = pool.lend(new Uint8Array(2 * MIB).fill(8), peer);
  expect(await peer.ask({ take: segmentReference(reference) })).toEqual([8, 8]);
  await peer.kill();
  expect(pool.stats).toMatchObject({ leases: 1, bytes: 2 * MIB });
  pool.lose(peer);
  expect(pool.stats).toMatchObject({ leases: 0, idle: 0, bytes: 0 });
});

test('eight processes read one segment, each as its own', async () => {
  const pool = new SegmentPool({ native });
  await using peers = new AsyncDisposableStack();
  const eight = Array.from({ length: 8 }, () => peers.use(startPeer()));
  const reference = segmentReference(pool.lend(new Uint8Array(4 * MIB + 1).fill(6), pool));
  for (const peer of eight) pool.hold(reference.lease, peer);
  expect(await Promise.all(eight.map((peer) => peer.ask({ take: reference })))).toEqual(eight.map(() => [6, 6]));
  expect(pool.stats).toMatchObject({ leases: 1, lent: 1, bytes: 5 * MIB });
  pool.close();
});

/** Runs `body` with a tmpfs of 8 MiB of its own. */
async function withTmpfs(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'small-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', directory]);
  try {
    await body(directory);
  } finally {
    execFileSync('umount', ['-l', directory]);
    rmdirSync(directory);
  }
}

function usedBytes(directory: string): number {
  const { blocks, bfree, bsize } = statfsSync(directory);
  return (blocks - bfree) * bsize;
}

testMount('SIGKILL leaves neither a name nor a byte (mounts a tmpfs: root only)', async () => {
  await withTmpfs(async (directory) => {
    await using peer = startPeer(directory);
    await lentBy(peer, MIB, 1);
    expect(usedBytes(directory)).toBeGreaterThan(MIB);
    expect(readdirSync(directory)).toEqual([]);
    await peer.kill();
    await until(() => usedBytes(directory) === 0);
  });
});

testMount('a full tmpfs is no failure: nothing is lent, and what was is unharmed (mounts one: root only)', async () => {
  await withTmpfs(async (directory) => {
    const pool = new SegmentPool({ native, directory, maxBytes: 64 * MIB });
    const lend = (byteLength: number) => pool.lend(new Uint8Array(byteLength).fill(1), pool);
    const kept = segmentReference(lend(4 * MIB));
    expect(lend(6 * MIB)).toBeUndefined();
    // A capacity is not memory: somebody else takes the rest while a segment waits to be written again.
    const other = new SegmentPool({ native, directory, maxBytes: 64 * MIB });
    const small = segmentReference(lend(MIB));
    pool.release(small.lease, pool);
    const { bavail, bsize } = statfsSync(directory);
    expect(other.lend(new Uint8Array(bavail * bsize - MIB), other)).toBeDefined();
    expect(lend(2 * MIB)).toBeUndefined();
    expect(lend(MIB)).toBeDefined();
    expect(new SegmentReader({ native }).take(kept, () => {}).every((byte) => byte === 1)).toBe(true);
    for (const open of [pool, other]) open.close();
    expect(usedBytes(directory)).toBeLessThanOrEqual(5 * MIB);
  });
});
