import { type ByteRange, choice, empty, type Grammar, sequence } from './grammar.ts';

/** Code points from the first to the last of a pair. */
export type CodePointRange = readonly [from: number, to: number];

/** Last code points that one, two, three and four bytes can spell, and the surrogates that none spell. */
const breaks: readonly CodePointRange[] = [
  [0, 0x7f],
  [0x80, 0x7ff],
  [0x800, 0xd7ff],
  [0xe000, 0xffff],
  [0x10000, 0x10ffff],
];

/** One character of some ranges, in UTF-8. */
export function characters(ranges: readonly CodePointRange[]): Grammar {
  const spelled = ranges.flatMap(([from, to]) =>
    breaks.flatMap(([least, most]) => byteSequences(Math.max(from, least), Math.min(to, most))),
  );
  return treeOf(spelled).grammar;
}

/** Sequences of byte ranges as a tree, whose branches that are alike are one: no byte leads two ways. */
function treeOf(sequences: readonly (readonly ByteRange[])[]): { readonly grammar: Grammar; readonly key: string } {
  const byFirst = new Map<string, { readonly first: ByteRange; readonly rests: (readonly ByteRange[])[] }>();
  for (const [first, ...rest] of sequences) {
    if (!first) return { grammar: empty, key: '' }; // of one length all of them
    const group = byFirst.get(first.join('-')) ?? { first, rests: [] };
    byFirst.set(first.join('-'), group);
    group.rests.push(rest);
  }
  const byRest = new Map<string, { readonly ranges: ByteRange[]; readonly rest: Grammar }>();
  for (const { first, rests } of byFirst.values()) {
    const { grammar, key } = treeOf(rests);
    const branch = byRest.get(key) ?? { ranges: [], rest: grammar };
    byRest.set(key, branch);
    branch.ranges.push(first);
  }
  const branches = [...byRest.values()].map(({ ranges, rest }) => sequence({ kind: 'byte', ranges }, rest));
  const key = [...byRest].map(([rest, { ranges }]) => `${ranges.join(';')}(${rest})`).join();
  return { grammar: choice(...branches), key };
}

/**
 * Sequences of byte ranges that together spell exactly the code points `from` … `to`, all of one length in UTF-8.
 *
 * Source: Ken Thompson's construction, as in RE2 and Rust's utf8-ranges: split where the trailing bytes do not run
 * through all of their values.
 */
function byteSequences(from: number, to: number): readonly (readonly ByteRange[])[] {
  if (from > to) return [];
  const first = utf8(from);
  const last = utf8(to);
  for (let numTrailing = 1; numTrailing < first.length; numTrailing++) {
    const mask = 2 ** (6 * numTrailing) - 1;
    if (from >> (6 * numTrailing) === to >> (6 * numTrailing)) continue;
    if ((from & mask) !== 0) return [...byteSequences(from, from | mask), ...byteSequences((from | mask) + 1, to)];
    if ((to & mask) !== mask) return [...byteSequences(from, (to & ~mask) - 1), ...byteSequences(to & ~mask, to)];
  }
  return [first.map((byte, at): ByteRange => [byte, last[at]!])]; // of the same length
}

function utf8(codePoint: number): readonly number[] {
  const trailing = (bits: number) => 0x80 | ((codePoint >> bits) & 0x3f);
  if (codePoint < 0x80) return [codePoint];
  if (codePoint < 0x800) return [0xc0 | (codePoint >> 6), trailing(0)];
  if (codePoint < 0x10000) return [0xe0 | (codePoint >> 12), trailing(6), trailing(0)];
  return [0xf0 | (codePoint >> 18), trailing(12), trailing(6), trailing(0)];
}

/** Ranges without some code points, which are sorted. */
export function without(ranges: readonly CodePointRange[], excluded: readonly number[]): readonly CodePointRange[] {
  return excluded.reduce<readonly CodePointRange[]>(
    (left, point) =>
      left.flatMap(([from, to]): readonly CodePointRange[] => {
        if (point < from || point > to) return [[from, to]];
        return (
          [
            [from, point - 1],
            [point + 1, to],
          ] as const
        ).filter(([least, most]) => least <= most);
      }),
    ranges,
  );
}

/** Whether a code point is in one of the ranges. */
export function includes(ranges: readonly CodePointRange[], point: number): boolean {
  return ranges.some(([from, to]) => from <= point && point <= to);
}
