import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  attachStore,
  GenerationGoneError,
  KeyNotFoundError,
  LeaseEndedError,
  newestPolicyVersion,
  policyVersionPrefix,
  QuotaError,
} from '../../src/index.ts';
import { failure, filesIn, filled, onlyValue, testStore, variants } from './stores.ts';

describe.each(variants)('$name', ({ options }) => {
  const copies = 'replicas' in options ? 2 : 1;

  test('a lease shows exactly what was there, whatever is put and deleted meanwhile', async () => {
    const { store, folder } = await testStore(options);
    await store.putBatch({ 'm.a': filled(1), 'm.b': filled(1), 'm.o': { round: 1 } });
    {
      await using lease = await store.lease('m');
      expect(lease).toMatchObject({ generation: 1, keys: ['m.a', 'm.b', 'm.o'], isHeld: true });
      await store.put('m.a', filled(2));
      await store.delete('m.b');
      await store.put('m.o', { round: 2 });
      await store.put('m.c', filled(2));
      expect(onlyValue(await lease.get('m.a'))).toBe(1);
      expect(onlyValue(await lease.get('m.b'))).toBe(1);
      expect(await lease.getObject('m.o')).toEqual({ round: 1 });
      expect(await failure(lease.get('m.c'))).toBeInstanceOf(KeyNotFoundError);
      expect(Object.keys(await lease.getStateDict('m'))).toEqual(['a', 'b', 'o']);
      expect(onlyValue(await store.get('m.a'))).toBe(2);
      expect((await store.stat('m.a'))?.leases).toBe(1);
      await store.deletePrefix('m');
      expect(onlyValue((await lease.getBatch(['m.a'] as const))['m.a'])).toBe(1);
    }
    expect(await store.statistics()).toMatchObject({ keys: 0, generations: 0, leases: 0, bytes: 0 });
    await expect.poll(() => filesIn(folder)).toEqual([]);
  });

  test('a lease that was released says so', async () => {
    const { store } = await testStore(options);
    await store.put('w', filled(1));
    const lease = await store.lease('w');
    await lease.release();
    await lease.release();
    expect(lease.isHeld).toBe(false);
    const error = await failure(lease.get('w'));
    expect(error).toBeInstanceOf(LeaseEndedError);
    expect(error).toMatchObject({ key: 'w' });
    expect(await failure(store.lease('nothing'))).toBeInstanceOf(KeyNotFoundError);
  });

  test('the last generations stay readable as a retention rule says, by generation and by version', async () => {
    const retention = [{ prefix: 'm', keepLast: 3 }];
    const { store } = await testStore({ ...options, retention });
    for (const version of [10, 20, 30, 40])
      await store.putStateDict('m', { w: filled(version), step: version }, { version });
    for (const version of [20, 30, 40]) {
      expect(await store.getStateDict('m', { version })).toEqual({ w: filled(version), step: version });
      await using lease = await store.lease('m', { version });
      expect(onlyValue(await lease.get('m.w'))).toBe(version);
      expect(await lease.getStateDict('m')).toMatchObject({ step: version });
      await using same = await store.lease('m', { generation: lease.generation });
      expect(same.version).toBe(version);
    }
    const gone = await failure(store.getStateDict('m', { version: 10 }));
    expect(gone).toBeInstanceOf(GenerationGoneError);
    expect(gone).toMatchObject({
      kept: [
        { generation: 2, version: 20 },
        { generation: 3, version: 30 },
        { generation: 4, version: 40 },
      ],
    });
    expect(await failure(store.lease('m', { generation: 1 }))).toBeInstanceOf(GenerationGoneError);
    expect((await store.statistics()).bytes).toBe(3 * 128 * copies);
    await store.put('m.single', filled(1));
    await store.put('m.single', filled(2));
    const record = await store.stat('m.single');
    expect(record?.generations).toHaveLength(2);
    await using first = await store.lease('m.single', { generation: record!.generations[0]!.generation });
    expect(onlyValue(await first.get('m.single'))).toBe(1);
    await store.deletePrefix('m');
    expect((await store.statistics()).bytes).toBe(128 * copies);
  });

  test('of the versions of a policy the newest stay, and a leased one stays readable through its lease', async () => {
    const { store } = await testStore({ ...options, retention: [{ versionsOf: 'policy_ver_', keepLast: 2 }] });
    const put = (version: number) =>
      store.putStateDict(policyVersionPrefix(version), { w: filled(version) }, { version });
    await put(8);
    await put(9);
    await using lease = await store.lease(policyVersionPrefix(8));
    await put(10);
    expect(await store.keys()).toEqual([`${policyVersionPrefix(9)}.w`, `${policyVersionPrefix(10)}.w`]);
    expect(newestPolicyVersion(await store.keys())).toBe(10);
    expect(newestPolicyVersion(['policy_version', 'a.policy_ver_0000000001', 'policy_ver_12'])).toBeUndefined();
    expect(await lease.getStateDict(policyVersionPrefix(8))).toEqual({ w: filled(8) });
    expect((await store.statistics()).bytes).toBe(3 * 128 * copies);
    await lease.release();
    expect((await store.statistics()).bytes).toBe(2 * 128 * copies);
  });

  test('a put beyond the quota is refused before a byte moves, and says why', async () => {
    const { store, folder } = await testStore({ ...options, quotaBytes: 300 * copies });
    await store.put('a', filled(1));
    await store.put('b', filled(1));
    const before = filesIn(folder);
    const error = await failure(store.put('c', filled(1)));
    expect(error).toBeInstanceOf(QuotaError);
    expect(error).toMatchObject({ limit: 300 * copies, used: 256 * copies, wanted: 128 * copies });
    expect(await failure(store.putStateDict('m', { w: filled(1) }))).toBeInstanceOf(QuotaError);
    expect(filesIn(folder)).toEqual(before);
    expect(await store.keys()).toEqual(['a', 'b']);
    await store.delete('b');
    await store.put('c', filled(1));
    expect(await store.statistics()).toMatchObject({ reservedBytes: 0, bytes: 256 * copies, unfinished: 0 });
  });

  test('older generations that nobody leases make room under a quota', async () => {
    const retention = [
      { prefix: 'm', keepLast: 10 },
      { versionsOf: 'policy_ver_', keepLast: 10 },
    ];
    const { store } = await testStore({ ...options, retention, quotaBytes: 4 * 128 * copies });
    await store.put('m', filled(1));
    await store.put('m', filled(2));
    await store.putStateDict(policyVersionPrefix(1), { w: filled(1) });
    await using lease = await store.lease('m', { generation: 1 });
    await store.put('m', filled(3));
    await store.put('m', filled(4)); // evicts generation 2: the first is leased
    expect((await store.stat('m'))?.generations.map(({ generation }) => generation)).toEqual([1, 4, 5]);
    await store.putStateDict(policyVersionPrefix(2), { w: filled(2) }); // evicts generation 4
    expect(onlyValue(await lease.get('m'))).toBe(1);
    await store.put('x', filled(1)); // evicts the older policy: the newest of each name stays
    expect(await store.keys()).toEqual(['m', `${policyVersionPrefix(2)}.w`, 'x']);
    expect(await failure(store.put('y', filled(1)))).toBeInstanceOf(QuotaError);
    expect(onlyValue(await store.get('m'))).toBe(4);
  });

  test('a reader never goes back, whoever writes and whatever is cut', async () => {
    const { store } = await testStore(options);
    const rounds = 40;
    const readers = [attachStore(store.reference), attachStore(store.reference), attachStore(store.reference)];
    let isWriting = true;
    const write = async () => {
      for (let round = 1; round <= rounds; round += 1) await store.putBatch({ a: filled(round), b: filled(round) });
      isWriting = false;
    };
    const read = async (reader: (typeof readers)[number]) => {
      await reader.waitFor('a');
      let last = 0;
      while (isWriting) {
        const { a, b } = await reader.getBatch(['a', 'b']);
        expect(onlyValue(a)).toBe(onlyValue(b));
        expect(onlyValue(a)).toBeGreaterThanOrEqual(last);
        last = onlyValue(a);
      }
      expect(onlyValue(await reader.get('a'))).toBe(rounds);
    };
    await Promise.all([write(), ...readers.map(read)]);
    for (const reader of readers) await reader[Symbol.asyncDispose]();
  });
});

test('under any sequence of puts, leases, releases and deletes a lease is constant and nothing leaks', async () => {
  const command = fc.oneof(
    fc.record({ do: fc.constant('put' as const), key: fc.nat(3) }),
    fc.record({ do: fc.constant('delete' as const), key: fc.nat(3) }),
    fc.record({ do: fc.constant('lease' as const), key: fc.nat(3) }),
    fc.record({ do: fc.constant('release' as const), key: fc.nat(9) }),
  );
  const { store, folder } = await testStore({ transport: 'tmpfs' });
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 25 }), async (commands) => {
      const model = new Map<string, number>();
      const leases: {
        readonly lease: Awaited<ReturnType<typeof store.lease>>;
        readonly key: string;
        readonly value: number;
      }[] = [];
      let next = 0;
      for (const { do: what, key: number } of commands) {
        const key = `k.${number}`;
        if (what === 'put') {
          next += 1;
          model.set(key, next);
          await store.put(key, filled(next, [3]));
        } else if (what === 'delete') {
          expect(await store.delete(key)).toBe(model.delete(key));
        } else if (what === 'lease') {
          const value = model.get(key);
          if (value === undefined) expect(await failure(store.lease(key))).toBeInstanceOf(KeyNotFoundError);
          else leases.push({ lease: await store.lease(key), key, value });
        } else {
          await leases.splice(number, 1)[0]?.lease.release();
        }
        for (const { lease, key: leased, value } of leases) expect(onlyValue(await lease.get(leased))).toBe(value);
      }
      for (const [key, value] of model) expect(onlyValue(await store.get(key))).toBe(value);
      for (const { lease } of leases) await lease.release();
      await store.deletePrefix('k');
      expect(await store.statistics()).toMatchObject({ keys: 0, generations: 0, leases: 0, reads: 0, bytes: 0 });
    }),
    { numRuns: 40 },
  );
  await expect.poll(() => filesIn(folder)).toEqual([]);
});

test('retention that keeps nothing, and a quota that is none, are refused at once', async () => {
  expect(await failure(testStore({ retention: [{ prefix: 'a', keepLast: 0 }] }))).toBeInstanceOf(RangeError);
  expect(await failure(testStore({ quotaBytes: Number.NaN }))).toBeInstanceOf(RangeError);
  expect(await failure(testStore({ volumes: 1, replicas: 2 }))).toBeInstanceOf(RangeError);
});
