import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { extentOf, NamedExtent } from '../../src/mesh/extent.ts';
import { select } from '../../src/mesh/selection.ts';
import { Values } from '../../src/mesh/value-mesh.ts';

const extents = fc
  .uniqueArray(fc.constantFrom('host', 'gpu', 'replica', 'shard'), { maxLength: 4 })
  .chain((labels) =>
    fc
      .array(fc.integer({ min: 1, max: 4 }), { minLength: labels.length, maxLength: labels.length })
      .map((sizes) => new NamedExtent(labels, sizes)),
  );

describe('an extent', () => {
  test('is row-major: the last dimension is fastest', () => {
    const extent = extentOf({ host: 2, gpu: 3 });
    expect([...extent.points()].map((point) => [point.at('host'), point.at('gpu')])).toEqual([
      ...[
        [0, 0],
        [0, 1],
        [0, 2],
      ],
      ...[
        [1, 0],
        [1, 1],
        [1, 2],
      ],
    ]);
    expect(String(extent.point(5))).toBe('{ host: 1/2, gpu: 2/3 }');
  });

  test('gives each point its rank back', () => {
    fc.assert(
      fc.property(extents, (extent) => {
        for (const point of extent.points()) {
          const at = Object.fromEntries(extent.labels.map((label) => [label, point.at(label)]));
          expect(select(extent, at).ranks).toEqual([point.rank]);
        }
      }),
    );
  });

  test('without dimensions has exactly one point', () => {
    expect(extentOf({}).size).toBe(1);
  });

  test.each([{ a: 0 }, { a: -1 }, { a: 1.5 }])('refuses the sizes %o', (sizes) => {
    expect(() => extentOf(sizes)).toThrow(expect.objectContaining({ code: 'ERR_MONARCH_EXTENT' }));
  });
});

describe('a selection', () => {
  test('drops a dimension fixed by an integer, and keeps one cut by a span', () => {
    const { extent, ranks } = select(extentOf({ host: 2, gpu: 4 }), { host: 1, gpu: { from: 1, step: 2 } });
    expect([extent.labels, extent.sizes, ranks]).toEqual([['gpu'], [2], [5, 7]]);
  });

  test('of a selection is the selection of both', () => {
    const spans = fc.record({ from: fc.nat(3), step: fc.integer({ min: 1, max: 2 }) });
    fc.assert(
      fc.property(fc.array(spans, { minLength: 2, maxLength: 2 }), ([outer, inner]) => {
        const extent = extentOf({ a: 3, b: 8 });
        const first = select(extent, { b: outer ?? {} });
        if ((inner?.from ?? 0) >= (first.extent.sizes[1] ?? 0)) return;
        const second = select(first.extent, { b: inner ?? {} });
        const direct = select(extent, {
          b: {
            from: (outer?.from ?? 0) + (inner?.from ?? 0) * (outer?.step ?? 1),
            step: (outer?.step ?? 1) * (inner?.step ?? 1),
          },
        });
        expect(second.ranks.map((rank) => first.ranks[rank])).toEqual(direct.ranks);
      }),
    );
  });

  test.each([
    [{ c: 1 }, /no dimension 'c'/],
    [{ a: 2 }, /Index 2/],
    [{ a: -1 }, /Index -1/],
    [{ a: { from: 1, to: 1 } }, /empty/],
    [{ a: { to: 3 } }, /outside/],
    [{ a: { step: 0 } }, /Step 0/],
  ])('refuses %o', (selection, message) => {
    expect(() => select(extentOf({ a: 2 }), selection)).toThrow(message);
  });
});

describe('a value mesh', () => {
  const values = new Values(extentOf({ host: 2, gpu: 2 }), ['a', 'b', 'c', 'd']);

  test('finds, maps, slices and iterates its values by point', () => {
    expect(values.item({ host: 1, gpu: 0 })).toBe('c');
    expect([...values.map((value, point) => value + point.rank).values()]).toEqual(['a0', 'b1', 'c2', 'd3']);
    const column = values.slice({ gpu: 1 });
    expect([...column].map(([point, value]) => [point.at('host'), value])).toEqual([
      [0, 'b'],
      [1, 'd'],
    ]);
    expect(column.length).toBe(2);
  });

  test('refuses a coordinate that is missing, unknown or outside', () => {
    // @ts-expect-error gpu is missing
    expect(() => values.item({ host: 1 })).toThrow(/'gpu' is missing/);
    // @ts-expect-error there is no such dimension
    expect(() => values.item({ host: 1, gpu: 0, rack: 0 })).toThrow(/'rack'/);
    expect(() => values.item({ host: 2, gpu: 0 })).toThrow(/Index 2/);
  });
});

describe('a mesh of values', () => {
  const values = new Values(extentOf({ host: 1, gpu: 2 }), [{ loss: 1 }, { loss: 2 }]);

  test('shows every value with its point', () => {
    expect(inspect(values)).toBe(
      'ValueMesh(2) {\n  { host: 0/1, gpu: 0/2 } => { loss: 1 },\n  { host: 0/1, gpu: 1/2 } => { loss: 2 }\n}',
    );
    expect(inspect(new Values(extentOf({}), ['only']))).toBe("ValueMesh(1) { {} => 'only' }");
    expect(inspect({ a: values }, { depth: 0 })).toBe('{ a: [ValueMesh(2)] }');
  });

  test('cuts what is nested deeper than wanted, as the console does with a Map', () => {
    const deep = [{ a: { b: { c: { d: 1 } } } }];
    for (const depth of [0, 1, 2, 3, null]) {
      const ofMap = inspect(new Map([[extentOf({}).point(0), deep[0]]]), { depth });
      expect(inspect(new Values(extentOf({}), deep), { depth })).toBe(ofMap.replace('Map', 'ValueMesh'));
    }
  });

  test('is an array of its values in rank order, also as JSON', () => {
    expect(values.toArray()).toEqual([{ loss: 1 }, { loss: 2 }]);
    expect(JSON.stringify({ values })).toBe('{"values":[{"loss":1},{"loss":2}]}');
    expect(values.slice({ gpu: 1 }).toArray()).toEqual([{ loss: 2 }]);
  });
});
