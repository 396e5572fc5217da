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

/** Memory for which the system is asked for large pages. Whether it has any to give depends on what else the machine does. */
function advisedBytes(): number {
  const mappings = readFileSync('/proc/self/smaps', 'utf8').matchAll(/^Size:\s+(\d+) kB$.*?^VmFlags:([^\n]*)$/gms);
  const advised = [...mappings].filter(([, , flags = '']) => flags.split(' ').includes('hg'));
  return advised.reduce((sum, [, size]) => sum + 1_024 * Number(size), 0);
}

test.skipIf(!hasLargePages())('large memory is asked for in large pages (skipped where there are none)', () => {
  const before = advisedBytes();
  const bytes = freshBytes(64 * MIB).fill(1);
  expect(advisedBytes() - before).toBeGreaterThanOrEqual(60 * MIB);
  expect(bytes.at(-1)).toBe(1);
  const more = advisedBytes();
  const small = freshBytes(2 * MIB).fill(1);
  const many = freshBytes(64 * MIB, 256 * MIB).fill(1);
  expect(advisedBytes() - more).toBe(0);
  expect(small.length + many.length).toBe(66 * MIB);
});

test.each([0, 1, 4096, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 9 * MIB + 4097])('a copy of %i bytes is one', (length) => {
  const bytes = new Uint8Array(length + 1).map((_, i) => i * 31).subarray(1);
  const copy = copyOf(bytes);
  expect(Buffer.compare(copy, bytes)).toBe(0);
  expect(copy.buffer).not.toBe(bytes.buffer);
  expect(copy.byteLength).toBe(copy.buffer.byteLength);
});
