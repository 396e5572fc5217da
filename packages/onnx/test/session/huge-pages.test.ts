import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { tensor } from '@forge/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { graph, input, matMul, openSession } from '../../src/index.ts';
import { allocatedMappings, type Mapping, withoutMappings } from '../../src/session/c-api/mappings.ts';

describe('mappings', () => {
  test('are those of allocated memory, the heap among them', () => {
    const maps = [
      '0074a000-03044000 r-xp 0034a000 fe:00 763310                             /usr/bin/node',
      '1d30a000-2d734000 rw-p 00000000 00:00 0                                  [heap]',
      '7f4379400000-7f4379800000 rw-p 00000000 00:00 0 ',
      '7f4379800000-7f4379c00000 ---p 00000000 00:00 0',
      '7f4379c00000-7f437a000000 rw-p 00000000 00:19 12                         /dev/shm/segment',
      '7ffd1c000000-7ffd1c021000 rw-p 00000000 00:00 0                          [stack]',
      '',
    ].join('\n');
    expect(allocatedMappings(maps)).toEqual([
      { start: 0x1d30a000n, end: 0x2d734000n },
      { start: 0x7f4379400000n, end: 0x7f4379800000n },
    ]);
  });

  const mappings = fc
    .uniqueArray(fc.integer({ min: 0, max: 40 }), { maxLength: 12 })
    .map((bounds) => bounds.sort((a, b) => a - b))
    .map((bounds) =>
      Array.from({ length: bounds.length >> 1 }, (_, at): Mapping => {
        const [start, end] = bounds.slice(2 * at, 2 * at + 2).map(BigInt) as [bigint, bigint];
        return { start, end };
      }),
    );
  const covers = (all: readonly Mapping[], at: number): boolean =>
    all.some(({ start, end }) => start <= at && at < end);

  test('without others are what is in the first and not in the second', () => {
    fc.assert(
      fc.property(mappings, mappings, (after, before) => {
        const pieces = withoutMappings(after, before);
        for (let at = 0; at <= 40; at++) expect(covers(pieces, at)).toBe(covers(after, at) && !covers(before, at));
        for (const { start, end } of pieces) expect(start).toBeLessThan(end);
      }),
    );
  });
});

const hugePagesOfProcess = (): number =>
  Number(/AnonHugePages:\s+(\d+) kB/.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))?.[1]) * 1024;

const enabled = '/sys/kernel/mm/transparent_hugepage/enabled';
const [major = 0, minor = 0] = release().split('.').map(Number);
const hasHugePages =
  existsSync(enabled) && !readFileSync(enabled, 'utf8').includes('[never]') && major * 100 + minor >= 601;

/** Bytes that are free in pieces of a huge page or more. */
function freeInHugePages(): number {
  const zones = readFileSync('/proc/buddyinfo', 'utf8').trimEnd().split('\n');
  const blocks = zones.flatMap((zone) => zone.split(/\s+/).slice(4).map(Number));
  const numOrders = blocks.length / zones.length;
  return blocks.reduce((sum, free, i) => (i % numOrders < 9 ? sum : sum + free * 4096 * 2 ** (i % numOrders)), 0);
}

test.skipIf(!hasHugePages)('large weights that a session packs lie on huge pages', async ({ skip }) => {
  const [O, I, count] = [4096, 1024, 6];
  if (freeInHugePages() < 3 * O * I * 4 * count) skip('memory is too cut up for now');
  const before = hugePagesOfProcess();
  const x = input('x', 'float32', ['rows', I]);
  const names = Array.from({ length: count }, (_, at) => `weight ${at}`);
  await using session = await openSession(
    graph(
      Object.fromEntries(
        names.map((name) => [`product by ${name}`, matMul(x, input(name, 'float32', [O, I]), { transposeB: true })]),
      ),
    ),
    { initializers: Object.fromEntries(names.map((name) => [name, tensor('float32', [O, I])])) },
  );
  expect(session.runtime).toBe('c-api');
  // Not all: where a mapping begins and ends, and where memory is too cut up.
  expect(hugePagesOfProcess() - before).toBeGreaterThan((O * I * 4 * count) / 4);
});
