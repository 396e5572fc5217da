import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Pieces } from '../../../src/runner/cache/pieces.ts';
import { PrefixTree, TOKENS_PER_BLOCK } from '../../../src/runner/cache/prefix-tree.ts';
import { atOnce } from './at-once.ts';

/** Sequences of few distinct blocks, so that prefixes are shared often; some end within a block. */
const sequence = fc
  .tuple(fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 5 }), fc.integer({ min: 0, max: TOKENS_PER_BLOCK - 1 }))
  .map(([blocks, rest]) => [
    ...blocks.flatMap((id) => Array<number>(TOKENS_PER_BLOCK).fill(id)),
    ...Array<number>(rest).fill(9),
  ]);

/** The content of a block is the text of all tokens up to its end. */
const contentAt = (ids: readonly number[], from: number) => ids.slice(0, from + TOKENS_PER_BLOCK).join();
const wholeBlocks = (ids: readonly number[], count: number) =>
  Array.from({ length: count }, (_, at) => contentAt(ids, at * TOKENS_PER_BLOCK));
const adding = (tree: PrefixTree<string>, ids: readonly number[]): Pieces =>
  tree.add(ids, function* (from) {
    yield;
    return contentAt(ids, from);
  });

describe('PrefixTree', () => {
  test('gives every block of what was added, and none of what was not', () => {
    fc.assert(
      fc.property(fc.array(sequence, { maxLength: 20 }), sequence, (added, asked) => {
        const tree = new PrefixTree<string>();
        for (const ids of added) atOnce(adding(tree, ids));
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
    const make = function* (from: number): Pieces<number> {
      yield;
      return made.push(from);
    };
    const ids = Array.from({ length: 3 * TOKENS_PER_BLOCK }, (_, at) => at);
    atOnce(tree.add(ids.slice(0, TOKENS_PER_BLOCK + 3), make));
    atOnce(tree.add(ids, make));
    expect(made).toEqual([0, TOKENS_PER_BLOCK, 2 * TOKENS_PER_BLOCK]);
  });

  test('what is forgotten while a sequence is added leaves a whole tree, and no block is lost or given back twice', () => {
    const meanwhile = fc.array(fc.tuple(fc.nat(8), fc.option(sequence)), { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(sequence, { maxLength: 4 }), sequence, meanwhile, (before, ids, events) => {
        const [made, forgotten]: readonly [object[], object[]] = [[], []];
        const tree = new PrefixTree<object>((block) => forgotten.push(block));
        const adding = (added: readonly number[]) =>
          tree.add(added, function* () {
            yield;
            const block = {};
            made.push(block);
            return block;
          });
        for (const other of before) atOnce(adding(other));
        let piece = 0;
        for (const _ of adding(ids)) {
          for (const [at, other] of events) {
            if (at !== piece) continue;
            if (other) tree.remove(other, 0);
            else tree.forgetOldest();
          }
          piece++;
        }
        const inTree = new Set([...before, ids].flatMap((each) => tree.match(each)));
        expect(inTree.size).toBe(tree.numBlocks);
        expect(new Set(forgotten).size).toBe(forgotten.length);
        expect(new Set([...inTree, ...forgotten])).toEqual(new Set(made));
        expect(inTree.size + forgotten.length).toBe(made.length);
      }),
    );
  });

  test('shrunk, it keeps what was used last, and no block without those before it', () => {
    fc.assert(
      fc.property(fc.array(sequence, { minLength: 1, maxLength: 12 }), fc.nat(12), (used, maxBlocks) => {
        const forgotten: string[] = [];
        const tree = new PrefixTree<string>((block) => forgotten.push(block));
        for (const ids of used) atOnce(adding(tree, ids));
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
