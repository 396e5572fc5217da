import type { Parameter } from '@forge/models';
import { elementCount } from '@forge/tensor';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutsForOne, evenCuts, layOutShards, rowLength } from '../../src/parallel/shards.ts';
import { arenaOffsets } from '../../src/parameter-arena.ts';

const shape = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 });
const parameters = fc
  .array(
    fc.record({ shape, part: fc.constantFrom('model.embed_tokens', 'model.layers.0', 'model.layers.1', 'lm_head') }),
    {
      minLength: 1,
      maxLength: 8,
    },
  )
  .map((each) =>
    each
      .toSorted((a, b) => (a.part < b.part ? -1 : 1))
      .map(
        ({ shape: size, part }, i): Parameter => ({
          // The embedding has one weight of its own name.
          name: part === 'model.embed_tokens' && i === 0 ? `${part}.weight` : `${part}.w${i}`,
          shape: size,
          role: 'projection',
        }),
      ),
  );

test('each row is with one rank, where its flat array has room for it, and ranks hold equally much but for a row', () => {
  fc.assert(
    fc.property(parameters, fc.integer({ min: 1, max: 7 }), (all, numRanks) => {
      const shards = layOutShards(all, numRanks, (_, own) => evenCuts(own, numRanks));
      const holders = new Map(all.map(({ name, shape: [rows = 1] }) => [name, Array<number>(rows).fill(0)]));
      for (const { pieces, length } of shards) {
        let end = 0;
        for (const { parameter, firstRow, numRows, at } of pieces) {
          expect(at).toBeGreaterThanOrEqual(end);
          end = at + numRows * rowLength(parameter.shape);
          for (let row = firstRow; row < firstRow + numRows; row++) holders.get(parameter.name)![row]!++;
        }
        expect(end).toBeLessThanOrEqual(length);
      }
      for (const counts of holders.values()) expect(counts.every((count) => count === 1)).toBe(true);
      expect(shards.reduce((sum, { length }) => sum + length, 0)).toBe(arenaOffsets(all).length);
      // Of each part, a cut may be off by a row and the gap after its parameter.
      const longest = Math.max(...all.map(({ shape: size }) => rowLength(size))) + 16;
      const even = elementCount([arenaOffsets(all).length]) / numRanks;
      for (const { length, slices } of shards) {
        expect(Math.abs(length - even)).toBeLessThanOrEqual(slices.size * (longest + 1));
      }
    }),
  );
});

test('a part that is with one rank is there as a whole', () => {
  fc.assert(
    fc.property(parameters, fc.integer({ min: 1, max: 5 }), fc.nat(4), (all, numRanks, owner) => {
      const shards = layOutShards(all, numRanks, (_, own) => cutsForOne(own, owner % numRanks, numRanks));
      for (const [rank, { pieces, length }] of shards.entries()) {
        expect(pieces.map(({ parameter }) => parameter)).toEqual(rank === owner % numRanks ? all : []);
        expect(length).toBe(rank === owner % numRanks ? arenaOffsets(all).length : 0);
      }
    }),
  );
});
