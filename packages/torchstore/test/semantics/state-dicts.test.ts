import { cast, tensor } from '@forge/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  attachStore,
  DeadlineError,
  distribute,
  GenerationGoneError,
  layoutRegion,
  MismatchError,
  NamesMismatchError,
  shard,
  VersionConflictError,
} from '../../src/index.ts';
import { distributions, numbered, shapes } from '../arbitraries.ts';
import { bits, cut, failure, filesIn, filled, onlyValue, testStore, variants } from './stores.ts';

describe.each(variants)('$name', ({ options }) => {
  const copies = 'replicas' in options ? 2 : 1;

  test('names that do not match are listed, or an error in strict mode before anything is read', async () => {
    const { store } = await testStore(options);
    await store.putStateDict('m', { a: { w: filled(1) }, b: filled(1), step: 3 }, { version: 4 });
    const into = { a: { w: tensor('int32', [4, 8]) }, c: tensor('int32', [1]) };
    const error = await failure(store.getStateDict('m', { into, strict: true }));
    expect(error).toBeInstanceOf(NamesMismatchError);
    expect(error).toMatchObject({ missing: ['c'], unexpected: ['b'] });
    expect(onlyValue(into.a.w)).toBe(0);
    const result = await store.loadStateDict('m', { into });
    expect(result).toMatchObject({ missing: ['c'], unexpected: ['b'], version: 4, generation: 1 });
    expect(result.stateDict).toEqual({ a: { w: filled(1) }, b: filled(1), step: 3 });
    expect(onlyValue(into.a.w)).toBe(1);
    const same = { a: { w: tensor('int32', [4, 8]) }, b: tensor('int32', [4, 8]) };
    expect(await store.loadStateDict('m', { into: same, strict: true })).toMatchObject({ missing: [], unexpected: [] });
  });

  test('each tensor is got as its layout says', async () => {
    const { store } = await testStore(options);
    const two = shapes.chain((shape) => fc.tuple(fc.constant(shape), distributions(shape)));
    await fc.assert(
      fc.asyncProperty(two, two, async ([shapeA, a], [shapeB, b]) => {
        const [wholeA, wholeB] = [numbered('int16', shapeA, 1), numbered('float64', shapeB, 2)];
        await store.putStateDict('m', { a: wholeA, deep: [{ b: wholeB }] });
        const layouts = { a: { ...a, rank: 0 }, 'deep.0.b': { ...b, rank: 0 } };
        const expected = {
          a: cut(wholeA, layoutRegion(shapeA, layouts.a)),
          deep: [{ b: cut(wholeB, layoutRegion(shapeB, layouts['deep.0.b'])) }],
        };
        expect(await store.getStateDict('m', { layouts, strict: true })).toEqual(expected);
        const byName = (name: string) => (name === 'a' ? layouts.a : undefined);
        expect(await store.getStateDict('m', { layouts: byName })).toEqual({ a: expected.a, deep: [{ b: wholeB }] });
      }),
      { numRuns: 20 },
    );
    expect(await failure(store.getStateDict('m', { layouts: {}, strict: true }))).toBeInstanceOf(NamesMismatchError);
  });

  test('floats are cast on request and whole numbers stay; a template says dtype, shape and piece of each', async () => {
    const { store } = await testStore(options);
    const weight = cast(
      tensor(
        'int32',
        [6, 2],
        Int32Array.from({ length: 12 }, (_, index) => index * 1001),
      ),
      'float32',
    );
    await store.putStateDict('m', { weight, ids: filled(7) });
    const half = await store.getStateDict('m', { dtype: 'bfloat16' });
    expect(half).toEqual({ weight: cast(weight, 'bfloat16'), ids: filled(7) });
    const layout = { mesh: [3], placements: [shard(0)], rank: 1 };
    const local = tensor('float16', [2, 2]);
    const template = { weight: { local, globalShape: [6, 2], layout }, ids: filled(0) };
    const got = await store.getStateDict('m', { template, strict: true });
    expect(got).toEqual({ weight: distribute(cast(weight, 'float16'), layout).local, ids: filled(7) });
    expect(local).toEqual(tensor('float16', [2, 2]));
    const wrong = { ...template, ids: filled(0, [3]) };
    expect(await failure(store.getStateDict('m', { template: wrong }))).toBeInstanceOf(MismatchError);
    const into = { weight: { local: tensor('float32', [2, 2]), globalShape: [6, 2], layout } };
    await store.getStateDict('m', { into });
    expect(into.weight.local).toEqual(distribute(weight, layout).local);
    expect(await failure(store.getStateDict('m', { into: { weight: local } }))).toBeInstanceOf(MismatchError);
  });

  test('a version that is not visible and not kept is an error that says what is there', async () => {
    const { store } = await testStore(options);
    await store.putStateDict('m', { w: filled(1) }, { version: 1 });
    await store.putStateDict('m', { w: filled(2) }, { version: 2 });
    expect(await store.getStateDict('m', { version: 2 })).toEqual({ w: filled(2) });
    const error = await failure(store.getStateDict('m', { version: 1 }));
    expect(error).toBeInstanceOf(GenerationGoneError);
    expect(error).toMatchObject({ kept: [{ generation: 2, version: 2 }] });
    // Part of it was replaced, so version 2 is not whole any more either.
    await store.put('m.w', filled(3));
    expect(await failure(store.getStateDict('m', { version: 2 }))).toBeInstanceOf(GenerationGoneError);
  });

  test('a publisher takes the memory of two versions, however many it publishes while others read', async () => {
    const { store, folder } = await testStore(options);
    const reader = attachStore(store.reference);
    const shape = [300, 1000];
    await using publisher = store.publisher('policy');
    const rounds = 12;
    let isPublishing = true;
    const publish = async () => {
      for (let version = 1; version <= rounds; version += 1)
        await publisher.publish({ layers: [filled(version, shape), filled(version)], version }, version);
      isPublishing = false;
    };
    const read = async () => {
      await reader.waitFor('policy');
      let last = 0;
      while (isPublishing) {
        const { stateDict, version } = await reader.loadStateDict('policy');
        const [large, small] = stateDict['layers'] as [ReturnType<typeof filled>, ReturnType<typeof filled>];
        expect([onlyValue(large), onlyValue(small), stateDict['version']]).toEqual([version, version, version]);
        expect(version).toBeGreaterThanOrEqual(last);
        last = version ?? 0;
        const { bytes } = await store.statistics();
        expect(bytes).toBeLessThanOrEqual(2 * copies * (1_200_000 + 128));
        expect(filesIn(folder).length).toBeLessThanOrEqual(2 * 2 * copies);
      }
    };
    await Promise.all([publish(), read()]);
    expect(await reader.getStateDict('policy')).toMatchObject({ version: rounds });
    await reader[Symbol.asyncDispose]();
  });

  test('a publisher does not write what a lease holds: it waits, and says so when it takes too long', async () => {
    const { store } = await testStore({ ...options, timeoutMs: 1_000 });
    await using publisher = store.publisher('policy');
    await publisher.publish({ w: filled(1) }, 1);
    const lease = await store.lease('policy');
    await publisher.publish({ w: filled(2) }, 2);
    expect(await failure(publisher.publish({ w: filled(3) }, 3))).toBeInstanceOf(DeadlineError);
    expect(onlyValue(await lease.get('policy.w'))).toBe(1);
    const next = publisher.publish({ w: filled(3) }, 3);
    await lease.release();
    expect(await next).toMatchObject({ generation: 3 });
    expect(onlyValue(await store.get('policy.w'))).toBe(3);
    expect(await failure(publisher.publish({ w: filled(3) }, 3))).toBeInstanceOf(VersionConflictError);
    // Another shape needs other segments; those of before are used as far as they go.
    await publisher.publish({ w: filled(4), v: filled(4, [1000, 300]) }, 4);
    await publisher.publish({ w: filled(5, [2]) }, 5);
    expect(await store.getStateDict('policy')).toEqual({ w: filled(5, [2]) });
  });

  test('ranks publish together', async () => {
    const { store } = await testStore(options);
    const publishers = [0, 1].map((rank) => store.publisher('p', { participant: { rank, ranks: 2 } }));
    for (const version of [1, 2, 3]) {
      const whole = numbered('float32', [5, 4], version);
      for (const [rank, publisher] of publishers.entries()) {
        const w = distribute(whole, { mesh: [2], placements: [shard(0)], rank });
        const { missingRanks } = await publisher.publish({ w }, version);
        expect(missingRanks).toEqual(rank === 0 ? [1] : []);
      }
      expect(bits(await store.get('p.w'))).toEqual(bits(whole));
    }
    for (const publisher of publishers) await publisher[Symbol.asyncDispose]();
  });
});
