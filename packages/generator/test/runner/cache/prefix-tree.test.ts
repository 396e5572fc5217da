import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PrefixTree, TOKENS_PER_BLOCK } from '../../../src/runner/cache/prefix-tree.ts';

/** Sequences of few distinct blocks, so that prefixes are shared often; some end within a block. */
const sequence = fc
  .tuple(fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 5 }), fc.integer({ min: 0, max: TOKENS_PER_BLOCK - 1 }))
  .map(([blocks, rest]) => [
    ...blocks.flatMap((id) => Array<number>(TOKENS_PER_BLOCK).fill(id)),
    ...Array<number>(rest).fill(9),
  ]);

/** The content of a block is the text of all tokens up to its end. */
const contentAt = (ids: readonly number[]) => (from: number) => ids.slice(0, from + TOKENS_PER_BLOCK).join();
const wholeBlocks = (ids: readonly number[], count: number) =>
  Array.from({ length: count }, (_, at) => contentAt(ids)(at * TOKENS_PER_BLOCK));

describe('PrefixTree', () => {
  test('gives every block of what was added, and none of what was not', () => {
    fc.assert(
      fc.property(fc.array(sequence, { maxLength: 20 }), sequence, (added, asked) => {
        const tree = new PrefixTree<string>();
        for (const ids of added) tree.add(ids, contentAt(ids));
        const known = new Set(added.flatMap((ids) => wholeBlocks(ids, Math.floor(ids.length / TOKENS_PER_BLOCK))));
        expect(tree.numBlocks).toBe(known.size);
        const all = wholeBlocks(asked, Math.floor(asked.length / TOKENS_PER_BLOCK));
        const numKnown = all.findIndex((block) => !known.has(block));
        const expected = numKnown === -1 ? all : all.slice(0, numKnown);
        expect(tree.numMatching(asked)).toBe(expected.length * TOKENS_PER_BLOCK);
        expect(tree.match(asked)).toEqual(expected);
      }),
    );
  });

  test('makes only the blocks that are missing', () => {
    const tree = new PrefixTree<number>();
    const made: number[] = [];
    const make = (from: number) => made.push(from);
    const ids = Array.from({ length: 3 * TOKENS_PER_BLOCK }, (_, at) => at);
    tree.add(ids.slice(0, TOKENS_PER_BLOCK + 3), make);
    tree.add(ids, make);
    expect(made).toEqual([0, TOKENS_PER_BLOCK, 2 * TOKENS_PER_BLOCK]);
  });

  test('shrunk, it keeps what was used last, and no block without those before it', () => {
    fc.assert(
      fc.property(fc.array(sequence, { minLength: 1, maxLength: 12 }), fc.nat(12), (used, maxBlocks) => {
        const forgotten: string[] = [];
        const tree = new PrefixTree<string>((block) => forgotten.push(block));
        for (const ids of used) tree.add(ids, contentAt(ids));
        const last = used.at(-1)!;
        const all = new Set(used.flatMap((ids) => tree.match(ids)));
        tree.match(last);
        const numBefore = tree.numBlocks;
        while (tree.numBlocks > maxBlocks) tree.forgetOldest();
        expect(tree.numBlocks).toBe(Math.min(numBefore, maxBlocks));
        const numLast = Math.floor(last.length / TOKENS_PER_BLOCK);
        expect(tree.match(last)).toEqual(wholeBlocks(last, Math.min(numLast, maxBlocks)));
        const reachable = new Set(used.flatMap((ids) => tree.match(ids)));
        expect(reachable.size).toBe(tree.numBlocks);
        expect(new Set([...reachable, ...forgotten])).toEqual(all);
      }),
    );
  });
});
