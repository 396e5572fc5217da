import { closeSync, existsSync, openSync, readdirSync } from 'node:fs';
import fc from 'fast-check';
import { test as anywhere, describe, expect } from 'vitest';
import { DecodeError } from '../../src/errors.ts';
import { loadNative } from '../../src/memory/native.ts';
import { SegmentPool } from '../../src/memory/segment-pool.ts';
import { SegmentReader } from '../../src/memory/segment-reader.ts';
import type { SegmentReference } from '../../src/memory/segment-reference.ts';
import { collectUntil } from '../fixtures/collect.ts';

const MIB = 2 ** 20;
const native = loadNative();
/** Without tmpfs there are no segments. */
const test = anywhere.skipIf(!existsSync('/dev/shm'));
/** Without koffi memory is read, and nothing is mapped. */
const testMapped = anywhere.skipIf(native === undefined);
const holder = {};

function filled(byteLength: number, value: number): Uint8Array {
  return new Uint8Array(byteLength).fill(value);
}

function lent(pool: SegmentPool, bytes: Uint8Array, by: object = holder): SegmentReference {
  const reference = pool.lend(bytes, by);
  if (reference === undefined) throw new RangeError('nothing was lent');
  return reference;
}

const ways = [
  { name: 'mapped on both sides', writer: native, reader: native },
  { name: 'written as a file, mapped', writer: undefined, reader: native },
  { name: 'written through memory, read', writer: native, reader: undefined },
  { name: 'files on both sides', writer: undefined, reader: undefined },
];

describe.each(ways)('$name', ({ writer, reader }) => {
  test('any bytes arrive as they were lent, whatever the segment held before', () => {
    const pool = new SegmentPool({ native: writer });
    const taker = new SegmentReader({ native: reader });
    const length = fc.oneof(fc.integer({ min: 0, max: 9_000 }), fc.integer({ min: MIB - 2, max: MIB + 70_000 }));
    const snapshots = fc.array(fc.tuple(length, fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(snapshots, (list) => {
        for (const [byteLength, seed] of list) {
          const bytes = new Uint8Array(byteLength).map((_, i) => (i * 31 + seed) ^ (i >> 8));
          const reference = lent(pool, bytes);
          const taken = taker.take(reference, () => {});
          expect(Buffer.compare(bytes, taken)).toBe(0);
          expect(taken.byteOffset % 8).toBe(0);
          taker.giveBack(taken);
          pool.release(reference.lease, holder);
        }
      }),
      { numRuns: 20 },
    );
    expect(pool.stats.leases).toBe(0);
    expect(taker.stats.mappedBytes).toBe(0);
    pool.close();
  });

  test('receivers own what they take: nobody sees the writes of another', () => {
    const pool = new SegmentPool({ native: writer });
    const reference = lent(pool, filled(2 * MIB, 1));
    const taker = new SegmentReader({ native: reader });
    const [first, second] = [taker.take(reference, () => {}), taker.take(reference, () => {})];
    first.fill(9);
    expect(second.every((byte) => byte === 1)).toBe(true);
    expect(taker.take(reference, () => {})[MIB]).toBe(1);
    pool.close();
    expect(second[2 * MIB - 1]).toBe(1);
    expect(first[0]).toBe(9);
  });
});

test('the rest of the last page shows nothing of what the segment held before', () => {
  const pool = new SegmentPool({ native });
  const old = lent(pool, filled(2 * MIB, 7));
  pool.release(old.lease, holder);
  const reference = lent(pool, filled(MIB + 1, 1));
  expect(reference.inode).toBe(old.inode);
  const { buffer } = new SegmentReader({ native }).take(reference, () => {});
  expect(new Uint8Array(buffer).subarray(MIB + 1).every((byte) => byte === 0)).toBe(true);
  pool.close();
});

describe('the pool', () => {
  test('writes a segment again only when all who hold it have released it', () => {
    const pool = new SegmentPool({ native });
    const [a, b] = [{}, {}];
    const { lease, inode } = lent(pool, filled(MIB, 1), a);
    pool.hold(lease, b);
    pool.hold(lease, b);
    pool.release(lease, {});
    pool.release(lease, a);
    pool.release(lease, a);
    pool.release(lease, b);
    expect(lent(pool, filled(MIB, 2), a).inode).not.toBe(inode);
    pool.release(lease, b);
    expect(lent(pool, filled(MIB, 3), a).inode).toBe(inode);
    expect(() => pool.hold(lease, a)).toThrow(RangeError);
    pool.close();
  });

  test('never again writes what a lost holder may go on reading', () => {
    const pool = new SegmentPool({ native });
    const [lost, living] = [{}, {}];
    const reference = lent(pool, filled(MIB, 1), lost);
    pool.hold(reference.lease, living);
    const view = new SegmentReader({ native }).take(reference, () => {});
    pool.lose(lost);
    expect(pool.stats).toMatchObject({ leases: 1, bytes: MIB });
    pool.release(reference.lease, living);
    expect(pool.stats).toMatchObject({ leases: 0, idle: 0, bytes: 0 });
    pool.release(lent(pool, filled(MIB, 2), living).lease, living);
    expect(view.every((byte) => byte === 1)).toBe(true);
    pool.close();
  });

  test('stays within its bound: what is idle makes room, what is lent does not', () => {
    const pool = new SegmentPool({ native, maxBytes: 4 * MIB });
    const first = lent(pool, filled(3 * MIB, 1));
    expect(pool.lend(filled(2 * MIB, 2), holder)).toBeUndefined();
    pool.release(first.lease, holder);
    expect(lent(pool, filled(4 * MIB, 3)).byteLength).toBe(4 * MIB);
    expect(pool.stats).toMatchObject({ bytes: 4 * MIB, lent: 2, refused: 1 });
    pool.close();
  });

  test('gives back what nobody used for a while', async () => {
    const pool = new SegmentPool({ native, idleMs: 5 });
    pool.release(lent(pool, filled(MIB, 1)).lease, holder);
    await collectUntil(() => pool.stats.bytes === 0);
    expect(pool.stats.idle).toBe(0);
    pool.close();
  });

  test('lends nothing where there is no tmpfs', () => {
    const pool = new SegmentPool({ native, directory: '/nowhere' });
    expect(pool.lend(filled(MIB, 1), holder)).toBeUndefined();
  });
});

describe('the reader', () => {
  testMapped('releases a mapping when its last view is collected, and not before', async () => {
    const pool = new SegmentPool({ native });
    const taker = new SegmentReader({ native });
    const views = new Map<string, Uint32Array>();
    const taken = (name: string, value: number) => {
      const reference = lent(pool, filled(MIB, value));
      const { buffer } = taker.take(reference, () => pool.release(reference.lease, holder));
      views.set(name, new Uint32Array(buffer));
    };
    taken('kept', 5);
    taken('dropped', 0);
    views.delete('dropped');
    await collectUntil(() => pool.stats.leases === 1);
    for (let round = 0; round < 3; round++) pool.release(lent(pool, filled(MIB, 6)).lease, holder);
    // In functions of their own: a suspended one keeps what it had in its hands.
    const isIntact = () => views.get('kept')?.every((word) => word === 0x05050505);
    expect(isIntact()).toBe(true);
    views.clear();
    await collectUntil(() => pool.stats.leases === 0);
    expect(taker.stats.mappedBytes).toBe(0);
    pool.close();
  });

  testMapped('reads instead of mapping when enough is mapped', () => {
    const pool = new SegmentPool({ native });
    const taker = new SegmentReader({ native, maxMappedBytes: 3 * MIB });
    const reference = lent(pool, filled(2 * MIB, 5));
    let released = 0;
    const views = [1, 2].map(() => taker.take(reference, () => released++));
    expect(taker.stats).toEqual({ mapped: 1, read: 1, mappedBytes: 2 * MIB });
    expect(released).toBe(1);
    // Each is given back once, however often it is said.
    for (const view of [...views, ...views]) taker.giveBack(view);
    expect(released).toBe(2);
    expect(views.map((view) => view[0])).toEqual([0, 5]);
    pool.close();
  });

  testMapped('memory that is mapped cannot be transferred away from under its end', () => {
    const pool = new SegmentPool({ native });
    const { buffer } = new SegmentReader({ native }).take(lent(pool, filled(MIB, 5)), () => {});
    expect(() => buffer.transfer()).toThrow(TypeError);
    expect(() => structuredClone(buffer, { transfer: [buffer] })).toThrow();
    expect(structuredClone(buffer).byteLength).toBe(MIB);
    expect(Buffer.from(buffer)[MIB - 1]).toBe(5);
    pool.close();
  });

  const hostile: Record<string, (reference: SegmentReference) => unknown> = {
    'another descriptor': (reference) => ({ ...reference, fd: 0 }),
    'a descriptor that is not open': (reference) => ({ ...reference, fd: 99_999 }),
    'another process': (reference) => ({ ...reference, pid: 1 }),
    'a process that does not exist': (reference) => ({ ...reference, pid: 2 ** 31 - 1 }),
    'a wrong nonce': (reference) => ({ ...reference, nonce: '0'.repeat(32) }),
    'a nonce that is no text': (reference) => ({ ...reference, nonce: 7 }),
    'another file': (reference) => ({ ...reference, inode: reference.inode + 1 }),
    'more than there is': (reference) => ({ ...reference, byteLength: 2 * MIB }),
    'as much as a number can say': (reference) => ({ ...reference, byteLength: Number.MAX_SAFE_INTEGER }),
    'an offset within the first page': (reference) => ({ ...reference, offset: 0 }),
    'an offset beside a page': (reference) => ({ ...reference, offset: 5000 }),
    'a negative length': (reference) => ({ ...reference, byteLength: -1 }),
    'a fractional length': (reference) => ({ ...reference, byteLength: 0.5 }),
    nothing: () => null,
    text: () => 'segment',
  };
  test.each(Object.entries(hostile))('refuses a reference to %s, and releases it', (_, damage) => {
    const pool = new SegmentPool({ native });
    const reference = damage(lent(pool, filled(MIB, 1))) as SegmentReference;
    const taker = new SegmentReader({ native });
    let released = 0;
    const before = readdirSync('/proc/self/fd').length;
    expect(() => taker.take(reference, () => released++)).toThrow(DecodeError);
    expect(released).toBe(1);
    expect(readdirSync('/proc/self/fd').length).toBe(before);
    pool.close();
  });

  test('refuses a file with a name, whoever says that it is a segment', () => {
    const pool = new SegmentPool({ native });
    const reference = lent(pool, filled(MIB, 1));
    const fd = openSync('/proc/self/exe', 'r');
    expect(() => new SegmentReader({ native }).take({ ...reference, fd }, () => {})).toThrow(DecodeError);
    closeSync(fd);
    pool.close();
  });
});
