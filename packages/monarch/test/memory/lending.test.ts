import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { test as anywhere, expect } from 'vitest';
import { MeshFailure } from '../../src/errors.ts';
import { thisHost } from '../../src/index.ts';
import { loadNative } from '../../src/memory/native.ts';
import { LEND_BYTES, memoryWay, type ProcessMemory } from '../../src/memory/process-memory.ts';
import { program } from '../../src/program/current-program.ts';
import { collectUntil } from '../fixtures/collect.ts';
import { Holder } from '../fixtures/holder.ts';
import { until } from '../fixtures/until.ts';

const BYTES = LEND_BYTES + 12_345;
/** Without tmpfs everything is sent in frames. */
const test = anywhere.skipIf(!existsSync('/dev/shm'));
/** Without koffi memory is read, and nothing is mapped. */
const testMapped = anywhere.skipIf(loadNative() === undefined);

function memory(): ProcessMemory {
  const own = program().process.memory;
  if (own === undefined) throw new RangeError('FORGE_MEMORY is set to frames.');
  return own;
}

const filled = (value: number, byteLength = BYTES) => new Uint8Array(byteLength).fill(value);
const held = (value: number) => [value, value, true];

async function startHolders(count = 1, env: Readonly<Record<string, string>> = {}) {
  const procs = await thisHost().spawnProcs({ perHost: { w: count }, env, supervise: () => true });
  const holders = await procs.spawn('holders', Holder);
  return {
    holders,
    one: holders.slice({ w: 0 }),
    [Symbol.asyncDispose]: async () => await procs[Symbol.asyncDispose](),
  };
}

test.each(['map', 'read', 'frames'])('any arrays come back as they were from a process that uses %s', async (way) => {
  await using started = await startHolders(1, { FORGE_MEMORY: way });
  const { lent } = memory().pool.stats;
  const byteLength = fc.oneof(
    fc.integer({ min: 0, max: 70_000 }),
    fc.integer({ min: -40, max: 70_000 }).map((n) => LEND_BYTES + n),
  );
  const values = fc.array(fc.tuple(byteLength, fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(values, async (list) => {
      const arrays = list.map(([length, seed]) => new Uint8Array(length).map((_, i) => (i * 7 + seed) ^ (i >> 9)));
      const sent = { floats: new Float64Array(arrays[0]!.slice(0, 8 * (arrays[0]!.length >> 3)).buffer), arrays };
      const back = await started.one.echo.callOne(sent);
      expect(back.floats).toBeInstanceOf(Float64Array);
      expect(
        Buffer.compare(
          Buffer.from(back.floats.buffer, back.floats.byteOffset, back.floats.byteLength),
          Buffer.from(sent.floats.buffer),
        ),
      ).toBe(0);
      expect(back.arrays.map((array, i) => Buffer.compare(array, arrays[i]!))).toEqual(arrays.map(() => 0));
    }),
    { numRuns: 15, examples: [[[[2 * LEND_BYTES, 3]]]] },
  );
  const lentNow = memory().pool.stats.lent - lent;
  if (way === 'frames') expect(lentNow).toBe(0);
  else expect(lentNow).toBeGreaterThan(0);
});

test('a snapshot is taken when a call is made, and several receivers share it without seeing each other', async () => {
  await using started = await startHolders(3);
  const { holders, one } = started;
  const { lent } = memory().pool.stats;
  const data = filled(1);
  const call = holders.hold.call(data);
  data.fill(2);
  expect((await call).toArray()).toEqual([held(1), held(1), held(1)]);
  expect(memory().pool.stats.lent).toBe(lent + 1);
  await one.paint.callOne(0, 9);
  // The segments that are free again are written.
  for (let i = 3; i < 6; i++) await one.first.callOne(filled(i));
  expect((await holders.look.call(0)).toArray()).toEqual([true, true, true]);
});

test('large and small messages of one sender arrive in their order', async () => {
  await using started = await startHolders();
  const sizes = [BYTES, 10, 200_000, BYTES, 0, 2 * BYTES, 10, BYTES];
  const seen = await Promise.all(
    sizes.map(async (byteLength, i) => {
      return await started.one.hold.callOne(filled(i, byteLength));
    }),
  );
  expect(seen.map(([first]) => first)).toEqual(sizes.map((byteLength, i) => (byteLength === 0 ? undefined : i)));
  expect(await Promise.all(sizes.map(async (_, i) => await started.one.look.callOne(i)))).toEqual(
    sizes.map(() => true),
  );
});

test('results and items of streams are lent too, and both sides own what they have', async () => {
  await using started = await startHolders();
  const result = await started.one.give.callOne(BYTES, 7);
  const items: Uint8Array[] = [];
  for await (const { value } of started.one.many.stream(5, BYTES)) items.push(value);
  result.fill(1);
  expect(items.map((item) => [item.length, item[0], item.at(-1)])).toEqual([0, 1, 2, 3, 4].map((i) => [BYTES, i, i]));
  expect(await started.one.lent.callOne()).toBe(6);
});

testMapped('what arrived mapped can be sent on, transferred or not', async () => {
  await using started = await startHolders();
  const mapped = await started.one.give.callOne(2 * LEND_BYTES, 5);
  expect(await started.one.first.with({ transfer: [mapped.buffer as ArrayBuffer] }).callOne(mapped)).toBe(5);
  expect(await started.one.first.callOne(mapped)).toBe(5);
});

test('what is lent counts as sent', async () => {
  await using started = await startHolders();
  const sent = () =>
    program()
      .process.exchange.peerReports()
      .reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  const before = sent();
  await started.one.first.callOne(filled(1));
  expect(sent() - before).toBeGreaterThan(BYTES);
  expect(sent() - before).toBeLessThan(BYTES + 10_000);
});

test('what is transferred is lent, and gone from here', async () => {
  await using started = await startHolders();
  const { lent } = memory().pool.stats;
  const data = filled(4);
  expect(await started.one.hold.with({ transfer: [data.buffer] }).callOne(data)).toEqual(held(4));
  expect(data.length).toBe(0);
  expect(memory().pool.stats.lent).toBe(lent + 1);
});

test('nothing stays lent when receivers have dropped it, whatever became of the calls', async () => {
  const { leases, lent } = memory().pool.stats;
  await using started = await startHolders(2);
  const { holders, one } = started;
  const abort = new AbortController();
  const timedOut = one.stuck.with({ timeoutMs: 100 }).callOne(filled(1));
  // The first of these waits behind it, and is cancelled there.
  const waiting = holders.hold.with({ signal: abort.signal }).call(filled(2));
  abort.abort();
  await expect(waiting).rejects.toThrow(/cancelled/);
  await expect(timedOut).rejects.toThrow(/did not answer/);
  holders.hold.broadcast(filled(3));
  await until(async () => {
    await holders.drop.call();
    return memory().pool.stats.leases === leases;
  });
  expect(memory().pool.stats.lent).toBe(lent + 3);
});

test('a receiver that is killed leaves nothing lent, and what it held is not written again', async () => {
  const { leases, bytes } = memory().pool.stats;
  await using started = await startHolders(2);
  const { holders, one } = started;
  await holders.hold.call(filled(1));
  const pid = await one.pid.callOne();
  const late = holders.hold.call(filled(2)).settled();
  process.kill(pid, 'SIGKILL');
  expect((await late).toArray().map(({ ok }) => ok)).toEqual([false, true]);
  await expect(one.first.callOne(filled(3))).rejects.toThrow(MeshFailure);
  const rest = holders.slice({ w: 1 });
  expect(await rest.look.callOne(0)).toBe(true);
  await until(async () => {
    await rest.drop.callOne();
    return memory().pool.stats.leases === leases;
  });
  expect(memory().pool.stats.bytes).toBeLessThanOrEqual(bytes);
});

testMapped('what a process has lent outlives its SIGKILL', async () => {
  await using started = await startHolders();
  const result = await started.one.give.callOne(BYTES, 7);
  process.kill(await started.one.pid.callOne(), 'SIGKILL');
  await expect(started.one.first.callOne(filled(1))).rejects.toThrow(MeshFailure);
  expect(result.every((byte) => byte === 7)).toBe(true);
});

testMapped('mappings end with the arrays', async () => {
  await using started = await startHolders();
  const take = async () => (await started.one.give.callOne(BYTES, 1))[0];
  for (let i = 0; i < 10; i++) expect(await take()).toBe(1);
  await collectUntil(() => memory().reader.stats.mappedBytes === 0);
});

test('a snapshot that goes another way after all is the same bytes', () => {
  const { leases } = memory().pool.stats;
  const [lending, other] = [{ lends: true }, { lends: true }];
  const data = filled(3);
  const stand = memory().snapshot(data, [lending, other]);
  if (stand === undefined) throw new RangeError('nothing was lent');
  data.fill(4);
  const small = filled(1, 10);
  const payload = { bytes: new Uint8Array(0), buffers: [small, stand] };
  for (let i = 0; i < 2; i++) expect(memory().settle(payload).buffers).toEqual([small, filled(3)]);
  expect(memory().pool.stats.leases).toBe(leases);
  expect(memory().snapshot(data, [lending, { lends: false }])).toBeUndefined();
});

test('the way of memory is one of three words', () => {
  expect(memoryWay(undefined)).toBe('map');
  expect(memoryWay('read')).toBe('read');
  expect(() => memoryWay('fast')).toThrow(RangeError);
});
