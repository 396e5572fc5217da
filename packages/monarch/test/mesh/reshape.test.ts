import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Extent, extentOf, type ValueMesh, valueMesh } from '../../src/index.ts';

const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
const extents = sizes.map((list) => extentOf(Object.fromEntries(list.map((size, i) => [`d${i}`, size]))));

/** An extent, and one of its dimensions cut into two. */
const cuts = fc
  .tuple(sizes, fc.nat(3), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }))
  .map(([list, nth, outer, inner]) => {
    const at = nth % list.length;
    const whole = extentOf(Object.fromEntries(list.map((size, i) => [`d${i}`, i === at ? outer * inner : size])));
    return { whole, dim: `d${at}`, outer, inner };
  });

function ranksOf(extent: Extent<string>): ValueMesh<number, string> {
  return valueMesh(
    extent,
    Array.from({ length: extent.size }, (_, rank) => [rank, rank]),
  );
}

function coordinates(extent: Extent<string>, rank: number): Record<string, number> {
  const point = extent.point(rank);
  return Object.fromEntries(extent.labels.map((label) => [label, point.at(label)]));
}

describe('an extent', () => {
  test('gives each rank a point and each point its rank', () => {
    fc.assert(
      fc.property(extents, (extent) => {
        for (const { rank } of extent.points()) expect(extent.rankOf(coordinates(extent, rank))).toBe(rank);
      }),
    );
  });

  test('is itself again after a split and a flatten of one dimension', () => {
    fc.assert(
      fc.property(extents, (extent) => {
        const flat = extent.flatten('all');
        const back = flat.split(
          { all: extent.labels },
          Object.fromEntries(extent.labels.map((d) => [d, extent.of(d)])),
        );
        expect([back.labels, back.sizes]).toEqual([extent.labels, extent.sizes]);
        expect(back.flatten('all')).toEqual(flat);
      }),
    );
  });

  test('is itself again when it is renamed there and back', () => {
    fc.assert(
      fc.property(extents, (extent) => {
        const there = extent.rename(Object.fromEntries(extent.labels.map((label) => [label, `x ${label}`])));
        const back = there.rename(Object.fromEntries(there.labels.map((label) => [label, label.slice(2)])));
        expect(back).toEqual(extent);
      }),
    );
  });

  test('keeps every rank where it is when a dimension is split: outer times inner is the coordinate', () => {
    fc.assert(
      fc.property(cuts, fc.boolean(), ({ whole, dim, outer, inner }, givesOuter) => {
        const cut = whole.split({ [dim]: ['outer', 'inner'] }, givesOuter ? { outer } : { inner });
        expect(cut.size).toBe(whole.size);
        for (const point of cut.points()) {
          expect(whole.point(point.rank).at(dim)).toBe(point.at('outer') * inner + point.at('inner'));
        }
      }),
    );
  });

  test('can swap two names at once', () => {
    expect(extentOf({ a: 2, b: 3 }).rename({ a: 'b', b: 'a' })).toEqual(extentOf({ b: 2, a: 3 }));
  });

  test('loses a dimension of one place that is split into none', () => {
    expect(extentOf({ a: 1, b: 3 }).split({ a: [] })).toEqual(extentOf({ b: 3 }));
  });

  const extent: Extent<string> = extentOf({ host: 4, gpu: 2 });
  test.each<[string, () => unknown, RegExp]>([
    [
      'a name where a list is wanted',
      () => extent.split(JSON.parse('{"host":"dp"}')),
      /split into a list of names, such as \['dp'\]/,
    ],
    ['a size that does not divide', () => extent.split({ host: ['dp', 'pp'] }, { pp: 3 }), /of 4 .* parts have 3/],
    ['sizes that have another product', () => extent.split({ host: ['dp', 'pp'] }, { dp: 2, pp: 4 }), /have 8/],
    ['two sizes left out', () => extent.split({ host: ['a', 'b', 'c'] }, { a: 2 }), /'b' and 'c' are missing/],
    ['a size of no part', () => extent.split({ host: ['dp', 'pp'] }, { pp: 2, gpu: 2 }), /'gpu'/],
    ['a name that is taken', () => extent.split({ host: ['gpu', 'pp'] }, { pp: 2 }), /'gpu' occurs twice/],
    ['an unknown dimension to split', () => extent.split({ rack: ['a', 'b'] }), /no dimension 'rack'/],
    ['a size of zero', () => extent.split({ host: ['dp', 'pp'] }, { pp: 0 }), /cannot be split/],
    ['an unknown dimension to rename', () => extent.rename({ rack: 'r' }), /no dimension 'rack'/],
    ['a new name that is taken', () => extent.rename({ host: 'gpu' }), /'gpu' occurs twice/],
    ['an empty name', () => extent.flatten(''), /cannot name a dimension/],
    ['a rank outside', () => extent.point(8), /Rank 8/],
    ['a coordinate outside', () => extent.rankOf({ host: 4, gpu: 0 }), /Index 4 of dimension 'host'/],
    ['a coordinate that is missing', () => extent.rankOf({ host: 0 }), /'gpu' is missing/],
    ['a coordinate too many', () => extent.rankOf({ host: 0, gpu: 0, rack: 0 }), /'rack'/],
  ])('refuses %s', (_, attempt, message) => {
    expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_MONARCH_EXTENT' }));
    expect(attempt).toThrow(message);
  });
});

describe('a value mesh', () => {
  test('has under each point of a slice the value of that point', () => {
    fc.assert(
      fc.property(extents, fc.nat(3), fc.nat(3), (extent, nth, from) => {
        const dim = extent.labels[nth % extent.labels.length]!;
        const start = from % extent.of(dim);
        const part = ranksOf(extent).slice({ [dim]: { from: start } });
        for (const [point, rank] of part) {
          const inWhole = { ...coordinates(part.extent, point.rank), [dim]: start + point.at(dim) };
          expect(rank).toBe(extent.rankOf(inWhole));
        }
      }),
    );
  });

  test('keeps its values in order under another shape', () => {
    fc.assert(
      fc.property(cuts, ({ whole, dim, inner }) => {
        const values = ranksOf(whole);
        const cut = values.split({ [dim]: ['outer', 'inner'] }, { inner });
        expect(cut.toArray()).toEqual(values.toArray());
        expect(cut.flatten('all').toArray()).toEqual(values.toArray());
        expect(cut.rename({ inner: 'fast' }).slice({ fast: 0 }).toArray()).toEqual(cut.slice({ inner: 0 }).toArray());
      }),
    );
  });

  test('of a slice with steps can be flattened: its ranks are listed, not computed', () => {
    const strided = ranksOf(extentOf({ host: 2, gpu: 4 })).slice({ gpu: { from: 1, step: 2 } });
    expect([...strided.flatten('n')].map(([{ rank }, value]) => [rank, value])).toEqual([
      [0, 1],
      [1, 3],
      [2, 5],
      [3, 7],
    ]);
  });

  test('is made of pairs in any order, by rank or point; the last value of a place counts', () => {
    const extent = extentOf({ replica: 3 });
    const values = valueMesh(extent, [
      [2, 'c'],
      [0, 'old'],
      [extent.point(1), 'b'],
      [0, 'a'],
    ]);
    expect(values.toArray()).toEqual(['a', 'b', 'c']);
    expect(values.get(1)).toBe('b');
    expect([...values.entries()].map(([point, value]) => `${point.at('replica')}${value}`)).toEqual(['0a', '1b', '2c']);
  });

  test('refuses pairs that leave places out, and ranks that are outside', () => {
    const extent = extentOf({ replica: 3 });
    expect(() => valueMesh(extent, [[1, 'b']])).toThrow(/1 values do not fill \{ replica: 3 \}: rank 0, 2 is missing/);
    expect(() => valueMesh(extent, [[3, 'd']])).toThrow(/Rank 3/);
    expect(() => ranksOf(extent).get(3)).toThrow(/Rank 3/);
  });
});
