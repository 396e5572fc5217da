import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BufferBoundsError, BufferDroppedError, MeshFailure } from '../../src/errors.ts';
import { type ActorMesh, exportBuffer, type RemoteBuffer, thisHost } from '../../src/index.ts';
import { program } from '../../src/program/current-program.ts';
import { Keeper } from '../fixtures/keeper.ts';
import { until } from '../fixtures/until.ts';

const MIB = 2 ** 20;
const content = (byteLength: number) => new Uint8Array(byteLength).map((_, i) => i ^ (i >> 8));

const ways = [
  { name: 'in this process', kind: 'inline', memory: '', backend: 'local' },
  { name: 'over tmpfs', kind: 'process', memory: existsSync('/dev/shm') ? 'map' : 'frames', backend: 'tmpfs' },
  { name: 'in frames', kind: 'process', memory: 'frames', backend: 'frames' },
] as const;

describe.each(ways)('a remote buffer $name', ({ kind, memory, backend }) => {
  async function start(count = 1) {
    const env = { FORGE_MEMORY: memory };
    const options = kind === 'inline' ? { kind } : { kind, env };
    const procs = await thisHost().spawnProcs({ ...options, perHost: { w: count }, supervise: () => true });
    const keepers = await procs.spawn('keepers', Keeper);
    return {
      keepers,
      one: keepers.slice({ w: 0 }),
      [Symbol.asyncDispose]: async () => {
        await keepers.stop();
        await procs[Symbol.asyncDispose]();
      },
    };
  }

  test('says how its bytes come', async () => {
    await using started = await start();
    const { buffer } = await started.one.open.callOne(10);
    expect(buffer.byteLength).toBe(10);
    expect(buffer.backend).toBe(existsSync('/dev/shm') ? backend : 'frames');
  });

  test('gives and takes any range, at any offset on both sides', async () => {
    await using started = await start();
    const size = 9 * MIB + 77;
    const { buffer } = await started.one.open.callOne(size);
    const expected = content(size);
    const all = new Uint8Array(size);
    await buffer.readInto(all);
    expect(Buffer.compare(all, expected)).toBe(0);
    const range = fc.tuple(fc.integer({ min: 0, max: size }), fc.integer({ min: 0, max: 2 * MIB }), fc.nat(1_000));
    await fc.assert(
      fc.asyncProperty(range, async ([offset, length, dstOffset]) => {
        const byteLength = Math.min(length, size - offset);
        const dst = new Uint8Array(dstOffset + byteLength + 3).fill(1);
        await buffer.readInto(dst, { offset, dstOffset, byteLength });
        expect(
          Buffer.compare(
            dst.subarray(dstOffset, dstOffset + byteLength),
            expected.subarray(offset, offset + byteLength),
          ),
        ).toBe(0);
        expect([...dst.subarray(0, dstOffset), ...dst.subarray(dstOffset + byteLength)].every((b) => b === 1)).toBe(
          true,
        );
        const src = new Uint8Array(byteLength).fill(length);
        await buffer.writeFrom(src, { offset });
        expected.set(src, offset);
      }),
      { numRuns: 12 },
    );
    await buffer.readInto(all);
    expect(Buffer.compare(all, expected)).toBe(0);
  });

  test('views of every kind are taken by their bytes', async () => {
    await using started = await start();
    await started.one.open.callOne(64);
    const buffer = await started.one.openAt.callOne(8, 16);
    const dst = new Float64Array(4);
    await buffer.readInto(dst.subarray(1, 3));
    expect([...new Uint8Array(dst.buffer, 8, 16)]).toEqual([...content(64).subarray(8, 24)]);
    await buffer.writeFrom(new DataView(new Uint8Array([1, 2, 3]).buffer, 1), { offset: 14 });
    expect([...(await started.one.bytes.callOne(20, 6))]).toEqual([20, 21, 2, 3, 24, 25]);
  });

  test('refuses what does not fit before a byte moves', async () => {
    await using started = await start();
    const { buffer } = await started.one.open.callOne(100);
    const dst = new Uint8Array(100).fill(7);
    const detached = new Uint8Array(100);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    const shared = new Uint8Array(new SharedArrayBuffer(100));
    const refused = [
      buffer.readInto(dst.subarray(1)),
      buffer.readInto(dst, { dstOffset: 1 }),
      buffer.readInto(dst, { offset: 101 }),
      buffer.readInto(dst, { offset: 1, byteLength: 100 }),
      buffer.readInto(dst, { offset: -1, byteLength: 1 }),
      buffer.readInto(dst, { offset: 0.5, byteLength: 1 }),
      buffer.readInto(dst, { dstOffset: Number.NaN, byteLength: 1 }),
      buffer.readInto(dst, { byteLength: Number.MAX_SAFE_INTEGER }),
      buffer.readInto(detached, { byteLength: 0 }),
      buffer.readInto(shared),
      buffer.writeFrom(new Uint8Array(101)),
      buffer.writeFrom(dst, { offset: 1 }),
      buffer.writeFrom(dst, { offset: -1 }),
      buffer.writeFrom(detached),
      buffer.writeFrom(shared),
    ];
    const outcomes = await Promise.allSettled(refused);
    expect(outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code)).toEqual(
      refused.map(() => 'ERR_MONARCH_BUFFER_BOUNDS'),
    );
    expect(dst.every((byte) => byte === 7)).toBe(true);
    expect(Buffer.compare(await started.one.bytes.callOne(0, 100), content(100))).toBe(0);
    await expect(buffer.readInto(dst, { timeoutMs: 0 })).rejects.toThrow(RangeError);
  });

  test('works from any process that has the handle, many at a time, and back where it came from', async () => {
    await using started = await start(3);
    const { keepers, one } = started;
    const { buffer } = await one.open.callOne(3 * MIB);
    await Promise.all([1, 2].flatMap((w) => [0, 1].map(async () => await keepers.slice({ w }).copy.callOne(buffer))));
    expect(Buffer.compare(await keepers.slice({ w: 2 }).bytes.callOne(0, 3 * MIB), content(3 * MIB))).toBe(0);
    await keepers.slice({ w: 1 }).fill.callOne(buffer, 9);
    expect((await one.bytes.callOne(0, 3 * MIB)).every((byte) => byte === 9)).toBe(true);
    const mine = new Uint8Array(2 * MIB).fill(5);
    await using own: RemoteBuffer = exportBuffer(mine);
    expect(own.backend).toBe('local');
    await one.copy.callOne(own);
    expect((await one.bytes.callOne(0, 2 * MIB)).every((byte) => byte === 5)).toBe(true);
    await one.fill.callOne(own, 6);
    expect(mine.every((byte) => byte === 6)).toBe(true);
  });

  test('says so when it is dropped, transferred, or its owner has stopped', async () => {
    const before = program().process.exports.size;
    await using started = await start();
    const { one } = started;
    const dst = new Uint8Array(MIB);
    const { buffer: dropped } = await one.open.callOne(MIB);
    await dropped.drop();
    await dropped.drop();
    await expect(dropped.readInto(dst)).rejects.toThrow(BufferDroppedError);
    const { buffer: transferred } = await one.open.callOne(MIB);
    await one.detach.callOne();
    await expect(transferred.writeFrom(dst)).rejects.toMatchObject({ code: 'ERR_MONARCH_BUFFER_DROPPED' });
    await one.open.callOne(MIB);
    expect(await one.exports.callOne()).toBe(2 + before);
    const { buffer } = await one.open.callOne(MIB);
    await started.keepers.stop();
    await expect(buffer.readInto(dst)).rejects.toThrow(kind === 'inline' ? BufferDroppedError : /dropped|stopped/);
    expect(program().process.exports.size).toBe(before);
  });

  test('nothing stays lent after reads and writes, whether they ended or were aborted', async () => {
    await using started = await start();
    const { one } = started;
    const { buffer } = await one.open.callOne(20 * MIB);
    const dst = new Uint8Array(20 * MIB);
    const abort = new AbortController();
    const aborted = buffer.readInto(dst, { signal: abort.signal });
    abort.abort();
    if (kind === 'inline') await aborted;
    else await expect(aborted).rejects.toMatchObject({ code: 'ERR_MONARCH_ABORTED' });
    await expect(buffer.readInto(dst, { signal: abort.signal })).rejects.toMatchObject({ code: 'ERR_MONARCH_ABORTED' });
    await Promise.all([buffer.readInto(dst), buffer.readInto(new Uint8Array(20 * MIB))]);
    expect(Buffer.compare(dst, content(20 * MIB))).toBe(0);
    await Promise.all([buffer.writeFrom(dst), buffer.writeFrom(dst.subarray(MIB))]);
    await until(async () => ((await one.leases.callOne()) ?? 0) === 0);
    await until(() => program().process.memory?.pool.stats.leases === 0);
  });

  test.skipIf(kind === 'inline')('ends with the process that it is in', async () => {
    await using started = await start();
    const { buffer } = await started.one.open.callOne(40 * MIB);
    const dst = new Uint8Array(40 * MIB);
    const pid = await started.one.pid.callOne();
    const reading = buffer.readInto(dst);
    process.kill(pid, 'SIGKILL');
    await expect(reading).rejects.toThrow(MeshFailure);
    await expect(buffer.readInto(dst)).rejects.toThrow(MeshFailure);
  });
});

test('memory that others cannot use is not exported', () => {
  expect(() => exportBuffer(new Uint8Array(0))).toThrow(BufferBoundsError);
  expect(() => exportBuffer(new Uint8Array(new SharedArrayBuffer(8)))).toThrow(BufferBoundsError);
  const detached = new Uint8Array(8);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  expect(() => exportBuffer(detached)).toThrow(BufferBoundsError);
});

/** A handle is what it is for whoever gets it: this compiles. */
export const typed = async (mesh: ActorMesh<Keeper, never>): Promise<RemoteBuffer> =>
  (await mesh.open.callOne(1)).buffer;
