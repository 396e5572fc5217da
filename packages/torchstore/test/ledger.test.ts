import { elementCount } from '@forge/tensor';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Batch, Part } from '../src/batch.ts';
import { layoutRegion, rankCount, shard } from '../src/index.ts';
import { Ledger } from '../src/ledger.ts';
import { distributions, shapes } from './arbitraries.ts';

let ledger: Ledger;
let segments = 0;

beforeEach(() => {
  ledger = new Ledger();
});

interface Draft {
  readonly key?: string;
  readonly shape?: readonly number[];
  readonly ranks?: number;
  readonly rank?: number;
  readonly version?: number;
  readonly session?: string;
  readonly dtype?: 'float32' | 'int8';
}

const plain = { transaction: undefined, reservations: [], objects: [], structure: undefined };

/** One rank's piece of a tensor that is cut along its first dimension. */
function piece(draft: Draft = {}): Batch {
  const { key = 'w', shape = [4], ranks = 1, rank = 0, version, session = 's', dtype = 'float32' } = draft;
  const region = layoutRegion(shape, { mesh: [ranks], placements: [shard(0)], rank });
  segments += 1;
  const place = {
    volume: 'v',
    segment: `${session}/${segments}`,
    byteOffset: 0,
    byteLength: elementCount(region.size),
  };
  const parts = [{ key, dtype, globalShape: shape, region, places: [place] }];
  return { ...plain, session, name: key, digest: `${ranks}`, participant: { rank, ranks }, version, parts };
}

const segmentOf = (batch: Batch) => batch.parts[0]!.places[0]!.segment;
const dropped = () => ledger.takeDropped().map(({ segment }) => segment);

describe('visibility', () => {
  test('a sharded put is visible when its last rank has arrived', () => {
    expect(ledger.commit(piece({ ranks: 3, rank: 2 }))).toEqual({
      status: 'pending',
      missingRanks: [0, 1],
      batch: expect.any(Number),
    });
    expect(ledger.locate({ session: 'r', of: { keys: ['w'] } })).toEqual({
      status: 'incomplete',
      key: 'w',
      missingRanks: [0, 1],
    });
    expect(ledger.exists('w')).toBe(false);
    ledger.commit(piece({ ranks: 3, rank: 0 }));
    expect(ledger.commit(piece({ ranks: 3, rank: 1 }))).toMatchObject({ status: 'visible' });
    expect(ledger.exists('w')).toBe(true);
  });

  test('a rank that puts again starts the next generation, and a slower rank joins the oldest that lacks it', () => {
    const first = piece({ ranks: 2, rank: 0 });
    const second = piece({ ranks: 2, rank: 0 });
    ledger.commit(first);
    ledger.commit(second);
    const other = piece({ ranks: 2, rank: 1 });
    expect(ledger.commit(other)).toMatchObject({ status: 'visible' });
    const located = ledger.locate({ session: 'r', of: { keys: ['w'] } });
    expect(located.status === 'found' && located.tensors[0]!.parts.map(({ place }) => place.segment)).toEqual([
      segmentOf(first),
      segmentOf(other),
    ]);
    expect(ledger.record('w')?.pending).toEqual([{ version: undefined, missingRanks: [1], bytes: 2 }]);
  });

  test('ranks that name versions meet by version', () => {
    ledger.commit(piece({ ranks: 2, rank: 0, version: 1 }));
    ledger.commit(piece({ ranks: 2, rank: 0, version: 2 }));
    expect(ledger.commit(piece({ ranks: 2, rank: 1, version: 2 }))).toMatchObject({ status: 'visible' });
    expect(ledger.record('w')).toMatchObject({ version: 2, pending: [] });
    expect(ledger.commit(piece({ ranks: 2, rank: 1, version: 1 }))).toEqual({
      status: 'stale',
      key: 'w',
      visibleVersion: 2,
    });
  });

  test('pieces of different layouts never make one tensor', () => {
    ledger.commit({ ...piece({ ranks: 2, rank: 0 }), digest: 'rows' });
    expect(ledger.commit({ ...piece({ ranks: 2, rank: 1 }), digest: 'columns' })).toMatchObject({ status: 'pending' });
  });

  test('shards that leave a gap do not become visible, and their bytes go', () => {
    const left = piece({ ranks: 2, rank: 0 });
    const right = piece({ ranks: 2, rank: 1 });
    const short: Part = { ...right.parts[0]!, region: { offset: [3], size: [1] } };
    ledger.commit(left);
    expect(ledger.commit({ ...right, parts: [short] })).toEqual({
      status: 'uncovered',
      key: 'w',
      uncovered: { offset: [2], size: [1] },
    });
    expect(dropped().sort()).toEqual([segmentOf(left), segmentOf(right)].sort());
    expect(ledger.exists('w')).toBe(false);
  });

  test('a rank that disagrees about the dtype is refused and the others stay', () => {
    ledger.commit(piece({ ranks: 2, rank: 0 }));
    expect(ledger.commit(piece({ ranks: 2, rank: 1, dtype: 'int8' }))).toEqual({
      status: 'mismatch',
      key: 'w',
      expected: 'float32 [4]',
      actual: 'int8 [4]',
    });
    expect(ledger.commit(piece({ ranks: 2, rank: 1 }))).toMatchObject({ status: 'visible' });
  });

  test('regions without ranks are visible when they cover the tensor', () => {
    const region = (rank: number) => ({ ...piece({ ranks: 2, rank }), participant: undefined });
    expect(ledger.commit(region(1))).toMatchObject({ status: 'pending' });
    expect(ledger.commit(region(1))).toMatchObject({ status: 'pending' });
    expect(ledger.commit(region(0))).toMatchObject({ status: 'visible' });
    expect(ledger.record('w')?.pending).toHaveLength(1);
  });

  test('a rank cannot run ahead of the others without bound', () => {
    for (let count = 0; count < 8; count += 1) ledger.commit(piece({ ranks: 2, rank: 0 }));
    const tooMuch = piece({ ranks: 2, rank: 0 });
    expect(ledger.commit(tooMuch)).toEqual({ status: 'tooFarAhead', missingRanks: [1] });
    expect(dropped()).toEqual([segmentOf(tooMuch)]);
  });
});

test('what a cancelled writer leaves is forgotten, what it committed is not', () => {
  ledger = new Ledger({ quotaBytes: 100 });
  const reserved = ledger.reserve('s', 60);
  if (reserved.status !== 'reserved') throw new TypeError(reserved.status);
  const committed = piece({ key: 'there' });
  ledger.commit(committed);
  const names = [segmentOf(committed), 's/written', 'other/segment'].map((segment) => ({ volume: 'v', segment }));
  ledger.discard('s', { reservations: [reserved.reservation], segments: names });
  expect(dropped()).toEqual(['s/written']);
  expect(ledger.statistics()).toMatchObject({ reservedBytes: 0, keys: 1 });
  const waiting = ledger.commit(piece({ ranks: 2, rank: 0 }));
  if (waiting.status !== 'pending') throw new TypeError(waiting.status);
  ledger.retract(waiting.batch);
  expect(dropped()).toHaveLength(1);
  expect(ledger.statistics()).toMatchObject({ unfinished: 0, bytes: 4 });
  ledger.commit(piece({ ranks: 2, rank: 0 }));
  expect(ledger.commit(piece({ ranks: 2, rank: 1 }))).toMatchObject({ status: 'visible' });
  ledger.retract(waiting.batch + 1);
  expect(ledger.exists('w')).toBe(true);
});

describe('lifetime', () => {
  test('an older generation goes when the newer is visible and nobody reads it', () => {
    const old = piece();
    ledger.commit(old);
    const reading = ledger.locate({ session: 'r', of: { keys: ['w'] } });
    const also = ledger.locate({ session: 'r', of: { keys: ['w'] } });
    ledger.commit(piece());
    expect(dropped()).toEqual([]);
    if (reading.status !== 'found' || also.status !== 'found') throw new TypeError('not found');
    ledger.release(reading.pin!); // its bytes lie on a volume
    expect(dropped()).toEqual([]);
    ledger.release(also.pin!);
    expect(dropped()).toEqual([segmentOf(old)]);
    ledger.release(also.pin!);
    expect(dropped()).toEqual([]);
  });

  test('a reader whose session ends holds nothing any more', () => {
    const old = piece();
    ledger.commit(old);
    ledger.locate({ session: 'reader', of: { keys: ['w'] } });
    ledger.commit(piece());
    ledger.endSession('reader');
    expect(dropped()).toEqual([segmentOf(old)]);
    expect(ledger.locate({ session: 'reader', of: { keys: ['w'] } })).toEqual({ status: 'sessionEnded' });
  });

  test('a writer whose session ends keeps what it committed and can commit nothing more', () => {
    const kept = piece({ session: 'writer' });
    ledger.commit(kept);
    ledger.endSession('writer');
    expect(ledger.segmentsOf({ volume: 'v', session: 'writer' })).toEqual([segmentOf(kept)]);
    expect(ledger.segmentsOf({ volume: 'other', session: 'writer' })).toEqual([]);
    const late = piece({ session: 'writer' });
    expect(ledger.commit(late)).toEqual({ status: 'sessionEnded' });
    expect(dropped()).toEqual([segmentOf(late)]);
  });

  test('a segment with several tensors goes with the last of them', () => {
    const place = { volume: 'v', segment: 's/pack', byteOffset: 0, byteLength: 4 };
    const region = { offset: [0], size: [1] };
    const parts = ['a', 'b'].map((key): Part => ({ key, dtype: 'float32', globalShape: [1], region, places: [place] }));
    ledger.commit({ ...piece(), name: 'pack', parts });
    expect(ledger.remove('a')).toBe(true);
    expect(dropped()).toEqual([]);
    ledger.remove('b');
    expect(dropped()).toEqual(['s/pack']);
    expect(ledger.remove('b')).toBe(false);
  });

  test('removing a prefix takes what is visible and what is pending below it, and nothing beside it', () => {
    ledger.commit(piece({ key: 'v1.a' }));
    ledger.commit(piece({ key: 'v1.b', ranks: 2 }));
    ledger.commit(piece({ key: 'v10.a' }));
    expect(ledger.removePrefix('v1')).toBe(1);
    expect(dropped()).toHaveLength(2);
    expect(ledger.keys()).toEqual(['v10.a']);
  });

  test('a state dict replaces the one before it, the tensors that it no longer has included', () => {
    const save = (...keys: string[]) => {
      const batches = keys.map((key) => piece({ key }));
      const entries = keys.map((key) => [key, { kind: 'tensor', key }] as const);
      ledger.commit({
        ...batches[0]!,
        name: 'm',
        parts: batches.flatMap(({ parts }) => parts),
        structure: { kind: 'dict', entries },
      });
    };
    save('m.a', 'm.b');
    save('m.b', 'm.c');
    expect(ledger.keys().sort()).toEqual(['m.b', 'm.c']);
    expect(dropped()).toHaveLength(2);
  });
});

test('ranks that arrive in any order, some ahead of others, make whole generations and leak nothing', () => {
  const runs = shapes
    .filter((shape) => elementCount(shape) > 0)
    .chain((shape) => distributions(shape).map((layout) => ({ shape, layout })));
  fc.assert(
    fc.property(
      runs,
      fc.integer({ min: 1, max: 4 }),
      fc.infiniteStream(fc.nat()),
      ({ shape, layout }, rounds, picks) => {
        const store = new Ledger();
        const ranks = rankCount(layout.mesh);
        const done = new Array<number>(ranks).fill(0);
        const live = new Set<string>();
        while (done.some((count) => count < rounds)) {
          const behind = done.flatMap((count, rank) => (count < rounds ? [rank] : []));
          const rank = behind[picks.next().value! % behind.length]!;
          const round = done[rank]!;
          done[rank] = round + 1;
          const region = layoutRegion(shape, { ...layout, rank });
          const place = { volume: 'v', segment: `s/${rank}-${round}`, byteOffset: 0, byteLength: 1 };
          const parts: Part[] = [{ key: 'w', dtype: 'int8', globalShape: shape, region, places: [place] }];
          const batch = {
            ...plain,
            session: 's',
            name: 'w',
            digest: 'd',
            participant: { rank, ranks },
            version: undefined,
            parts,
          };
          live.add(place.segment);
          expect(['visible', 'pending']).toContain(store.commit(batch).status);
          for (const { segment } of store.takeDropped()) live.delete(segment);
          const complete = Math.min(...done);
          expect(store.exists('w')).toBe(complete > 0);
          if (complete === 0) continue;
          // Invariant: every piece that a reader sees comes from the newest round that all ranks have finished.
          const located = store.locate({ session: 's', of: { keys: ['w'] } });
          if (located.status !== 'found') throw new TypeError(located.status);
          const seen = located.tensors[0]!.parts.map((part) => part.place.segment);
          expect(seen.sort()).toEqual(done.map((_, each) => `s/${each}-${complete - 1}`).sort());
          store.release(located.pin!); // likewise
        }
        expect(live.size).toBe(ranks);
        expect(store.remove('w')).toBe(true);
        for (const { segment } of store.takeDropped()) live.delete(segment);
        expect([...live]).toEqual([]);
      },
    ),
    { numRuns: 200 },
  );
});
