import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  distribute,
  KeyNotFoundError,
  layoutRegion,
  OverlapError,
  rankCount,
  shard,
  type Transaction,
  TransactionAbortedError,
  VersionConflictError,
} from '../../src/index.ts';
import { distributions, numbered, shapes } from '../arbitraries.ts';
import { bits, cut, failure, filesIn, filled, onlyValue, testStore, variants } from './stores.ts';

describe.each(variants)('$name', ({ options }) => {
  test('ranks write many keys that become visible in one step', async () => {
    const { store } = await testStore(options);
    await store.putStateDict('m', { w: filled(1), old: filled(1) });
    const whole = numbered('float32', [7, 3]);
    const begin = (rank: number) => store.begin('m', { participant: { rank, ranks: 3 }, version: 5 });
    const ranks = await Promise.all([0, 1, 2].map(begin));
    for (const [rank, transaction] of ranks.entries()) {
      await transaction.put('w', distribute(whole, { mesh: [3], placements: [shard(0)], rank }));
      await transaction.putBatch({ [`own${rank}`]: filled(rank), [`object${rank}`]: { rank } });
    }
    expect(onlyValue(await store.get('m.w'))).toBe(1);
    expect(await ranks[2]!.commit()).toEqual({ generation: undefined, missingRanks: [0, 1] });
    expect(await ranks[0]!.commit()).toEqual({ generation: undefined, missingRanks: [1] });
    expect((await store.keys('m')).sort()).toEqual(['m.old', 'm.w']);
    expect(await ranks[1]!.commit()).toEqual({ generation: 2, missingRanks: [] });
    expect((await store.keys('m')).sort()).toEqual(
      ['m.object0', 'm.object1', 'm.object2', 'm.own0', 'm.own1', 'm.own2', 'm.w'].sort(),
    );
    expect(bits(await store.get('m.w'))).toEqual(bits(whole));
    expect(await store.getObject('m.object1')).toEqual({ rank: 1 });
    const { stateDict, version, generation } = await store.loadStateDict('m');
    expect({ version, generation }).toEqual({ version: 5, generation: 2 });
    expect(stateDict).toMatchObject({ own2: filled(2), object2: { rank: 2 } });
  });

  test('an abort leaves the version before it and frees the bytes of all ranks', async () => {
    const { store, folder } = await testStore(options);
    await store.putStateDict('m', { w: filled(1) }, { version: 1 });
    const before = filesIn(folder).sort();
    const first = await store.begin('m', { participant: { rank: 0, ranks: 2 }, version: 2 });
    await using second = await store.begin('m', { participant: { rank: 1, ranks: 2 }, version: 2 });
    await first.put('w', filled(2));
    await second.put('v', filled(2));
    await first.commit();
    // What lies with the metadata comes with the commit.
    if (options.inlineBytes === 0) expect(filesIn(folder).length).toBeGreaterThan(before.length);
    await second.abort('the loss is not finite');
    expect(await store.getStateDict('m')).toEqual({ w: filled(1) });
    await expect.poll(() => filesIn(folder).sort()).toEqual(before);
    expect(await failure(second.put('w', filled(3)))).toBeInstanceOf(TransactionAbortedError);
    expect(await failure(second.commit())).toBeInstanceOf(TransactionAbortedError);
    expect(await store.statistics()).toMatchObject({ unfinished: 0 });
    await store.putStateDict('m', { w: filled(2) }, { version: 2 });
  });

  test('ranks that had not committed learn from the first of them why it ended', async () => {
    const { store } = await testStore(options);
    const [first, second] = await Promise.all(
      [0, 1].map((rank) => store.begin('m', { participant: { rank, ranks: 2 } })),
    );
    await second!.put('w', filled(1));
    {
      await using left = first!;
      expect(left.prefix).toBe('m');
    }
    expect(await failure(second!.commit())).toMatchObject({
      code: 'ERR_TORCHSTORE_ABORTED',
      reason: 'a rank aborted it',
      key: 'm',
    });
    expect(await failure(store.get('m.w'))).toBeInstanceOf(KeyNotFoundError);
  });

  test('a second writer of a version is refused before it writes', async () => {
    const { store, folder } = await testStore(options);
    await using first = await store.begin('m', { version: 3 });
    const second = await failure(store.begin('m', { version: 3 }));
    expect(second).toBeInstanceOf(VersionConflictError);
    expect(second).toMatchObject({ version: 3, visibleVersion: undefined });
    expect(await failure(store.putStateDict('m', { w: filled(9) }, { version: 3 }))).toBeInstanceOf(
      VersionConflictError,
    );
    expect(filesIn(folder)).toEqual([]);
    await first.put('w', filled(1));
    await first.commit();
    for (const version of [2, 3])
      expect(await failure(store.begin('m', { version }))).toMatchObject({ version, visibleVersion: 3 });
    expect(onlyValue(await store.get('m.w'))).toBe(1);
  });

  test('what does not make whole tensors is refused by the last commit, and all of it is freed', async () => {
    const { store, folder } = await testStore(options);
    const whole = numbered('int8', [4, 4]);
    const at = (offset: number[], size: number[]) => {
      const region = { offset, size };
      return { local: cut(whole, region), globalShape: [4, 4], region };
    };
    const both = () => Promise.all([0, 1].map((rank) => store.begin('m', { participant: { rank, ranks: 2 } })));
    const gap = (await both()) as [Transaction, Transaction];
    await gap[0].put('w', at([0, 0], [2, 4]));
    await gap[1].put('w', at([3, 0], [1, 4]));
    await gap[0].commit();
    expect(await failure(gap[1].commit())).toMatchObject({
      code: 'ERR_TORCHSTORE_COVERAGE',
      uncovered: { offset: [2, 0], size: [1, 4] },
    });
    const overlap = (await both()) as [Transaction, Transaction];
    await overlap[0].put('w', at([0, 0], [3, 4]));
    await overlap[1].put('w', at([2, 0], [2, 4]));
    await overlap[0].commit();
    expect(await failure(overlap[1].commit())).toBeInstanceOf(OverlapError);
    await expect.poll(() => filesIn(folder)).toEqual([]);
    expect(await store.keys()).toEqual([]);
  });

  test('a name that is put twice counts once, and an empty transaction clears its prefix', async () => {
    const { store, folder } = await testStore(options);
    await using twice = await store.begin('m');
    await twice.put('w', filled(1));
    await twice.put('w', filled(2));
    await twice.commit();
    expect(onlyValue(await store.get('m.w'))).toBe(2);
    await using empty = await store.begin('m');
    expect(await empty.commit()).toMatchObject({ generation: 2 });
    expect(await store.keys()).toEqual([]);
    expect(await store.getStateDict('m')).toEqual({});
    await expect.poll(() => filesIn(folder)).toEqual([]);
  });

  test('deleting its prefix ends a transaction', async () => {
    const { store } = await testStore(options);
    await using transaction = await store.begin('m.sub');
    await transaction.put('w', filled(1));
    await store.deletePrefix('m');
    expect(await failure(transaction.commit())).toMatchObject({ reason: "'m' was deleted" });
  });

  test('regions of single puts that overlap in part are refused; equal ones start anew', async () => {
    const { store } = await testStore(options);
    const whole = numbered('int8', [6]);
    const put = (start: number, length: number) => {
      const region = { offset: [start], size: [length] };
      return store.put('w', { local: cut(whole, region), globalShape: [6], region });
    };
    await put(0, 3);
    expect(await failure(put(2, 3))).toMatchObject({
      code: 'ERR_TORCHSTORE_OVERLAP',
      regions: [
        { offset: [0], size: [3] },
        { offset: [2], size: [3] },
      ],
    });
    await put(0, 3);
    await put(3, 3);
    expect(bits(await store.get('w'))).toEqual(bits(whole));
    expect((await store.stat('w'))?.pending).toHaveLength(1);
  });
});

test('with ranks that commit, abort and begin again in any order, readers see whole versions only, and nothing leaks', async () => {
  const { store, folder } = await testStore({ transport: 'tmpfs' });
  const layouts = shapes
    .filter((shape) => shape.length > 0 && !shape.includes(0))
    .chain((shape) => distributions(shape).map((layout) => ({ shape, layout })));
  await fc.assert(
    fc.asyncProperty(layouts, fc.array(fc.boolean(), { maxLength: 4 }), async ({ shape, layout }, fates) => {
      const ranks = rankCount(layout.mesh);
      let visible: number | undefined;
      for (const [version, commits] of fates.entries()) {
        const whole = numbered('uint8', shape, version);
        const open: Transaction[] = [];
        for (let rank = 0; rank < ranks; rank += 1) {
          const transaction = await store.begin('m', { participant: { rank, ranks }, version });
          open.push(transaction);
          const region = layoutRegion(shape, { ...layout, rank });
          expect(region.size).toHaveLength(shape.length);
          await transaction.put('w', distribute(whole, { ...layout, rank }));
        }
        for (const [rank, transaction] of open.entries()) {
          if (commits || rank < ranks - 1) await transaction.commit();
          else await transaction.abort();
          if (commits && rank === ranks - 1) visible = version;
          if (visible === undefined) expect(await store.exists('m.w')).toBe(false);
          else expect(bits(await store.get('m.w'))).toEqual(bits(numbered('uint8', shape, visible)));
        }
      }
      await store.deletePrefix('m');
      expect(await store.statistics()).toMatchObject({ keys: 0, generations: 0, unfinished: 0, bytes: 0 });
    }),
    { numRuns: 15 },
  );
  await expect.poll(() => filesIn(folder)).toEqual([]);
});
