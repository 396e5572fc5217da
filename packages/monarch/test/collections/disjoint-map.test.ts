import { expect, test } from 'vitest';
import { disjointMap } from '../../src/collections/disjoint-map.ts';

test('every entry of every table is in the map', () => {
  expect([...disjointMap<number>({ a: 1, constructor: 2 }, {}, { c: 3 })]).toEqual([
    ['a', 1],
    ['constructor', 2],
    ['c', 3],
  ]);
});

test('an entry that would hide another is refused by name', () => {
  expect(() => disjointMap<number>({ launch: 1 }, { line: 2, launch: 1 })).toThrow(
    new RangeError("Two tables have an entry 'launch': one would hide the other. Rename one."),
  );
});
