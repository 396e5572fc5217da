import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { copyOf, freshBytes } from '../../src/memory/fresh-bytes.ts';
import { loadNative } from '../../src/memory/native.ts';

const LARGE_PAGES = '/sys/kernel/mm/transparent_hugepage/enabled';
const MIB = 2 ** 20;

function hasLargePages(): boolean {
  try {
    return loadNative() !== undefined && !readFileSync(LARGE_PAGES, 'utf8').includes('[never]');
  } catch {
    return false;
  }
}

const largePageBytes = () =>
  1_024 * Number(/AnonHugePages:\s+(\d+) kB/.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))?.[1]);

test.skipIf(!hasLargePages())('large memory is taken in large pages (skipped where there are none)', () => {
  const before = largePageBytes();
  const bytes = freshBytes(64 * MIB).fill(1);
  expect(largePageBytes() - before).toBeGreaterThanOrEqual(48 * MIB);
  expect(bytes.at(-1)).toBe(1);
});

test.each([0, 1, 4096, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 9 * MIB + 4097])('a copy of %i bytes is one', (length) => {
  const bytes = new Uint8Array(length + 1).map((_, i) => i * 31).subarray(1);
  const copy = copyOf(bytes);
  expect(Buffer.compare(copy, bytes)).toBe(0);
  expect(copy.buffer).not.toBe(bytes.buffer);
  expect(copy.byteLength).toBe(copy.buffer.byteLength);
});
