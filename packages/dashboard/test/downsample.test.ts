import fc from 'fast-check';
import { expect, test } from 'vitest';
import { downsample } from '../src/run/downsample.ts';

const line = fc
  .array(
    fc.record({ gap: fc.nat({ max: 5 }), y: fc.option(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { freq: 4 }) }),
    {
      maxLength: 200,
    },
  )
  .map((points) => {
    let at = 0;
    const x = points.map(({ gap }) => (at += gap));
    return { x, y: points.map((point) => point.y ?? Number.NaN) };
  });
const columns = fc.integer({ min: 1, max: 40 });

test('a line keeps its ends, its lowest and its highest point, and its order', () => {
  fc.assert(
    fc.property(line, columns, ({ x, y }, columns) => {
      const points = x.map((place, i) => [place, y[i]!] as const).filter(([, value]) => !Number.isNaN(value));
      const kept = downsample(x, y, { columns });
      const values = points.map(([, value]) => value);
      expect(kept.x).toEqual(kept.x.toSorted((a, b) => a - b));
      expect(kept.x.length > 0).toBe(points.length > 0);
      if (points.length === 0) return;
      expect([kept.x[0], kept.y[0]]).toEqual(points[0]);
      expect([kept.x.at(-1), kept.y.at(-1)]).toEqual(points.at(-1));
      expect(Math.min(...kept.y)).toBe(Math.min(...values));
      expect(Math.max(...kept.y)).toBe(Math.max(...values));
    }),
  );
});

test('no more than four points a column are kept, and one more', () => {
  fc.assert(
    fc.property(line, columns, ({ x, y }, columns) => {
      expect(downsample(x, y, { columns }).x.length).toBeLessThanOrEqual(4 * (columns + 1));
    }),
  );
});

test('a line of few points is kept whole', () => {
  const x = [1, 2, 3, 4];
  expect(downsample(x, [4, Number.NaN, 2, 1], { columns: 100 })).toEqual({ x: [1, 3, 4], y: [4, 2, 1] });
});

test('a window keeps what is in it, and a point on each side', () => {
  const x = Array.from({ length: 100 }, (_, i) => i);
  expect(downsample(x, x, { from: 10, to: 12 }).x).toEqual([9, 10, 11, 12, 13]);
  expect(downsample(x, x, { from: 200, to: 300 }).x).toEqual([99]);
  expect(downsample([], [], { from: 1 })).toEqual({ x: [], y: [] });
});
