import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gatherPicks, type MicroBatch, pack, scatterPicks } from '../src/pack.ts';
import { checkSequences, inputLength, type Sequence } from '../src/sequence.ts';

const id = fc.integer({ min: 1, max: 99 });
const sequences = fc.array(
  fc.record({
    promptIds: fc.array(id, { minLength: 1, maxLength: 12 }),
    tokenIds: fc.array(id, { maxLength: 12 }),
  }),
  { maxLength: 24 },
);
const options = fc.record({
  tokensPerRow: fc.integer({ min: 1, max: 40 }),
  maxTokensPerMicroBatch: fc.integer({ min: 1, max: 200 }),
});

/** The tokens a pick is predicted from: those of its segment, up to the one that predicts. */
function contextOf(batch: MicroBatch, pick: number): { ids: number[]; positions: number[] } {
  const at = Number(batch.selected.data[pick]);
  const row = Math.floor(at / batch.tokens);
  const segment = batch.segmentIds.data[at];
  const places = Array.from({ length: at - row * batch.tokens + 1 }, (_, i) => row * batch.tokens + i).filter(
    (place) => batch.segmentIds.data[place] === segment,
  );
  return {
    ids: places.map((place) => Number(batch.inputIds.data[place])),
    positions: places.map((place) => Number(batch.positionIds.data[place])),
  };
}

test('every token to score is picked exactly once, from exactly the tokens before it', () => {
  fc.assert(
    fc.property(sequences, options, (batch, packing) => {
      const seen = batch.map(({ tokenIds }) => tokenIds.map(() => 0));
      for (const part of pack(batch, packing)) {
        for (const [pick, index] of part.pickSequence.entries()) {
          const token = part.pickToken[pick]!;
          const { promptIds, tokenIds } = batch[index]!;
          const before = [...promptIds, ...tokenIds.slice(0, token)];
          expect(contextOf(part, pick)).toEqual({ ids: before, positions: before.map((_, i) => i) });
          expect(Number(part.targets.data[pick])).toBe(tokenIds[token]);
          seen[index]![token]!++;
        }
      }
      expect(seen).toEqual(batch.map(({ tokenIds }) => tokenIds.map(() => 1)));
    }),
  );
});

test('rows and micro-batches keep to their budgets, unless one sequence alone is longer', () => {
  fc.assert(
    fc.property(sequences, options, (batch, packing) => {
      const { tokensPerRow, maxTokensPerMicroBatch } = packing;
      for (const { rows, tokens, pickSequence } of pack(batch, packing)) {
        const longest = Math.max(...Array.from(pickSequence, (index) => inputLength(batch[index]!)));
        expect(tokens <= tokensPerRow || tokens === longest).toBe(true);
        expect(rows === 1 || rows * tokens <= maxTokensPerMicroBatch).toBe(true);
      }
    }),
  );
});

test('padding is less than half of all rows together, but for the last', () => {
  fc.assert(
    fc.property(sequences, (batch) => {
      const scored = batch.filter(({ tokenIds }) => tokenIds.length > 0);
      const used = scored.reduce((sum, sequence) => sum + inputLength(sequence), 0);
      const parts = pack(batch, { tokensPerRow: 24, maxTokensPerMicroBatch: Number.MAX_SAFE_INTEGER });
      const rows = parts.reduce((sum, part) => sum + part.rows, 0);
      return rows <= 1 || 2 * used > (rows - 1) * 24;
    }),
  );
});

test('what is scattered is what was gathered', () => {
  fc.assert(
    fc.property(sequences, options, (batch, packing) => {
      const numbers = batch.map(({ tokenIds }, b) => Float32Array.from(tokenIds, (_, t) => 100 * b + t));
      const copy = numbers.map((row) => new Float32Array(row.length));
      for (const part of pack(batch, packing)) scatterPicks(part, gatherPicks(part, numbers), copy);
      expect(copy).toEqual(numbers);
    }),
  );
});

test('nothing to score packs to nothing', () => {
  expect(pack([])).toEqual([]);
  expect(pack([{ promptIds: [1, 2], tokenIds: [] }])).toEqual([]);
});

test.each<{ what: string; batch: Sequence[]; sequence: number | undefined }>([
  { what: 'an empty prompt', batch: [{ promptIds: [], tokenIds: [1] }], sequence: 0 },
  {
    what: 'an id beyond the vocabulary',
    batch: [
      { promptIds: [1], tokenIds: [2] },
      { promptIds: [1], tokenIds: [50] },
    ],
    sequence: 1,
  },
  { what: 'a negative id', batch: [{ promptIds: [-1], tokenIds: [2] }], sequence: 0 },
  { what: 'an id that is no integer', batch: [{ promptIds: [1.5], tokenIds: [2] }], sequence: 0 },
  {
    what: 'more tokens than the model has positions',
    batch: [{ promptIds: [1, 1, 1, 1], tokenIds: [1, 1, 1, 1, 1] }],
    sequence: 0,
  },
  { what: 'nothing to score', batch: [{ promptIds: [1], tokenIds: [] }], sequence: undefined },
  { what: 'no sequence', batch: [], sequence: undefined },
])('a batch with $what is refused', ({ batch, sequence }) => {
  expect(() => checkSequences(batch, { vocabSize: 50, maxPositionEmbeddings: 8 })).toThrow(
    expect.objectContaining({ code: 'ERR_TRAINER_BATCH', sequence }),
  );
});
