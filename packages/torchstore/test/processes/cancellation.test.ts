import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type Tensor, tensor } from '@forge/tensor';
import {
  DeadlineError,
  type OperationOptions,
  openStore,
  type Store,
  type StoreOptions,
  shard,
} from '@forge/torchstore';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'forge-cancellation-'));
});

afterEach(() => {
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
});

const open = (options: StoreOptions) => openStore({ folder, reconnectMs: 200, ...options });

/** The process of the metadata and its only volume. */
const pidOf = (store: Store) => Number(basename(store.reference.volumes[0]!.directory).split('-')[3]);

function filled(value: number, shape: readonly number[] = [64, 64]): Tensor<'int32'> {
  const result = tensor('int32', shape);
  result.data.fill(value);
  return result;
}

function segmentFiles(): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'nonce' && !entry.parentPath.endsWith('.warm'))
    .map(({ name, parentPath }) => join(parentPath, name));
}

const layout = { mesh: [2], placements: [shard(0)], rank: 0 };
const small = filled(9, [2]);
const half = { local: filled(9, [32, 64]), globalShape: [64, 64], layout };
const own = { participant: { rank: 0, ranks: 2 } };

/** Everything that a client can wait for. The store has `w`, `object`, `m` and, for each of them, what it needs. */
const operations: Readonly<Record<string, (store: Store, how: OperationOptions) => Promise<unknown>>> = {
  put: (store, how) => store.put('new', filled(9), how),
  'put of few bytes': (store, how) => store.put('few', small, how),
  'put of a piece': (store, how) => store.put('piece', half, how),
  'put of a piece of few bytes': (store, how) =>
    store.put('few.piece', { local: small, globalShape: [4], layout }, how),
  putBatch: (store, how) => store.putBatch({ b1: filled(9), b2: 'text' }, how),
  putStateDict: (store, how) => store.putStateDict('dict', { w: filled(9) }, how),
  'putStateDict of a rank': (store, how) => store.putStateDict('ranks', { w: filled(9) }, { ...own, ...how }),
  'putStateDict of few bytes': (store, how) => store.putStateDict('few.ranks', { w: small }, { ...own, ...how }),
  get: (store, how) => store.get('w', how),
  getObject: (store, how) => store.getObject('object', how),
  getBatch: (store, how) => store.getBatch(['w', 'm.v'], how),
  getStateDict: (store, how) => store.getStateDict('m', how),
  loadStateDict: (store, how) => store.loadStateDict('m', how),
  begin: (store, how) => store.begin('begun', how),
  lease: (store, how) => store.lease('w', how),
  exists: (store, how) => store.exists('w', how),
  keys: (store, how) => store.keys('m', how),
  stat: (store, how) => store.stat('w', how),
  statistics: (store, how) => store.statistics(how),
  deleteBatch: (store, how) => store.deleteBatch(['nothing'], how),
  delete: (store, how) => store.delete('nothing', how),
  deletePrefix: (store, how) => store.deletePrefix('nothing', how),
  waitFor: (store, how) => store.waitFor('never', how),
};

async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'done',
    (error: unknown) => error,
  );
}

const held = async (store: Store) => {
  const { leases, reads, unfinished, reservedBytes } = await store.statistics();
  return { leases, reads, unfinished, reservedBytes };
};

describe.each(['signal', 'timeoutMs'] as const)('by %s', (by) => {
  test.each(['tmpfs', 'websocket'] as const)(
    'everything that waits for a store that stands still ends at once over %s, and holds nothing afterwards',
    async (transport) => {
      await using store = await open({ transport, quotaBytes: 1e9 });
      await store.put('w', filled(1));
      await store.put('object', { a: 1 });
      await store.putStateDict('m', { v: filled(1) });
      await using lease = await store.lease('w');
      await using transaction = await store.begin('t', own);
      await transaction.put('w', filled(1));
      const controller = new AbortController();
      const reason = new Error('it is not wanted any more');
      const how = by === 'signal' ? { signal: controller.signal } : { timeoutMs: 50 };
      process.kill(pidOf(store), 'SIGSTOP');
      let outcomes: readonly unknown[];
      try {
        const waiting = [
          ...Object.values(operations).map((operation) => operation(store, how)),
          lease.get('w', how),
          transaction.put('v', filled(2), how),
        ].map(outcome);
        await setImmediate(); // all questions are on their way
        controller.abort(reason);
        outcomes = await Promise.all(waiting);
      } finally {
        process.kill(pidOf(store), 'SIGCONT');
      }
      for (const each of outcomes) {
        if (by === 'signal') expect(each).toBe(reason);
        else expect(each).toMatchObject({ code: 'ERR_TORCHSTORE_DEADLINE', timeoutMs: 50 });
      }
      // The lease and the transaction of before go on: nobody's connection was given up.
      const rest = { leases: 1, reads: 0, unfinished: 1, reservedBytes: filled(1).data.byteLength };
      await expect.poll(() => held(store)).toEqual(rest);
      expect(lease.isHeld).toBe(true);
      expect((await lease.get('w')).data[0]).toBe(1);
      const cancelled = transaction.commit({ signal: AbortSignal.abort(reason) });
      expect(await outcome(cancelled)).toBe(reason);
      await lease.release();
      await transaction.abort();
      const nothing = { leases: 0, reads: 0, unfinished: 0, reservedBytes: 0 };
      await expect.poll(() => held(store)).toEqual(nothing);
      // What was put whole may have become visible; all other bytes are gone.
      const keys = await store.keys();
      const files = async () => {
        const parts = await Promise.all(keys.map(async (key) => (await store.stat(key))?.parts ?? []));
        return new Set(parts.flat().flatMap(({ place }) => (place.segment === '' ? [] : [place.segment]))).size;
      };
      await expect.poll(async () => segmentFiles().length - (await files())).toBe(0);
    },
  );
});

test.each(['tmpfs', 'websocket'] as const)(
  'a put over %s that is cancelled while its bytes move leaves the tensor before it and none of its bytes',
  async (transport) => {
    await using store = await open({ transport, quotaBytes: 2 ** 28 });
    await store.putStateDict('m', { w: filled(1) });
    const before = segmentFiles();
    const pieces = Object.fromEntries(Array.from({ length: 24 }, (_, index) => [`p${index}`, filled(2, [2 ** 19])]));
    const puts = {
      putBatch: (how: OperationOptions) => store.putBatch(pieces, how),
      putStateDict: (how: OperationOptions) => store.putStateDict('m', pieces, how),
    };
    for (const put of Object.values(puts)) {
      const controller = new AbortController();
      const putting = outcome(put({ signal: controller.signal }));
      await expect.poll(() => segmentFiles().length, { interval: 1 }).toBeGreaterThan(before.length);
      controller.abort('enough');
      expect(await putting).toBe('enough');
      expect(await store.keys()).toEqual(['m.w']);
      await expect.poll(segmentFiles).toEqual(before);
      expect(await held(store)).toEqual({ leases: 0, reads: 0, unfinished: 0, reservedBytes: 0 });
    }
    expect(await store.getStateDict('m')).toEqual({ w: filled(1) });
    await store.putStateDict('m', pieces);
    expect(Object.keys(await store.getStateDict('m'))).toHaveLength(24);
  },
);

test.each(['tmpfs', 'websocket'] as const)(
  'a get over %s that is cancelled while its bytes move writes nothing afterwards and lets go of what it read',
  async (transport) => {
    await using store = await open({ transport });
    const names = Array.from({ length: 24 }, (_, index) => `p${index}`);
    await store.putBatch(Object.fromEntries(names.map((name) => [name, filled(1, [2 ** 19])])));
    const into = names.map((name) => [name, { into: filled(0, [2 ** 19]) }] as const);
    const controller = new AbortController();
    const getting = outcome(store.getBatch(Object.fromEntries(into), { signal: controller.signal }));
    await expect.poll(() => into.some(([, target]) => target.into.data.at(-1) === 1), { interval: 0 }).toBe(true);
    controller.abort('enough');
    expect(await getting).toBe('enough');
    for (const [, target] of into) target.into.data.fill(5);
    await expect.poll(() => held(store)).toMatchObject({ reads: 0 });
    expect(new Set(into.flatMap(([, target]) => [target.into.data[0], target.into.data.at(-1)]))).toEqual(new Set([5]));
    const whole = await store.get('p7');
    expect(new Set<unknown>(whole.data)).toEqual(new Set([1]));
  },
);

test('what is cancelled before it begins does nothing, and a time that is none is refused', async () => {
  await using store = await open({ kind: 'inline' });
  await store.put('w', filled(1));
  for (const [name, operation] of Object.entries(operations)) {
    expect(await outcome(operation(store, { signal: AbortSignal.abort('before') })), name).toBe('before');
    expect(await outcome(operation(store, { timeoutMs: 0 })), name).toBeInstanceOf(RangeError);
    expect(await outcome(operation(store, { timeoutMs: Number.NaN })), name).toBeInstanceOf(RangeError);
  }
  expect(await store.keys()).toEqual(['w']);
  expect((await store.statistics()).lastGeneration).toBe(1);
  expect((await store.get('w', { timeoutMs: Number.POSITIVE_INFINITY })).shape).toEqual([64, 64]);
  await expect(store.waitFor('never', { timeoutMs: 5 })).rejects.toThrow(DeadlineError);
});
