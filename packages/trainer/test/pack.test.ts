import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gatherPicks, type MicroBatch, pack, scatterPicks } from '../src/packing/pack.ts';
import { checkSequences, inputLength, type Sequence } from '../src/packing/sequence.ts';

const id = fc.integer({ min: 1, max: 99 });
const prompt = fc.array(id, { minLength: 1, maxLength: 12 });
/** Sequences, several of which may have the same prompt. */
const sequences = fc.array(prompt, { minLength: 1, maxLength: 4 }).chain((prompts) =>
  fc.array(
    fc.record({
      promptIds: fc.oneof(fc.constantFrom(...prompts), prompt),
      tokenIds: fc.array(id, { maxLength: 12 }),
    }),
    { maxLength: 24 },
  ),
);
const options = fc.record(
  {
    sharePrompts: fc.boolean(),
    tokensPerRow: fc.integer({ min: 1, max: 40 }),
    maxTokensPerMicroBatch: fc.integer({ min: 1, max: 200 }),
  },
  { requiredKeys: [] },
);

interface Sizes {
  readonly rows: number;
  readonly prefix: number;
  readonly lanes: number;
  readonly width: number;
  /** Of all rows. */
  readonly tokens: number;
}

function sizesOf({ tokens }: MicroBatch): Sizes {
  const { shape } = tokens.input_ids;
  const [rows, lanes, width] = shape.length === 2 ? [1, ...shape] : shape; // without prefixes all lanes are alike
  const prefix = tokens.prefix_ids?.shape[1] ?? 0;
  return { rows: rows!, prefix, lanes: lanes!, width: width!, tokens: rows! * (prefix + lanes! * width!) };
}

/** The tokens a pick is predicted from, as attention sees them: of the prefix, and of its own segment in its lane. */
function contextOf(batch: MicroBatch, pick: number): { ids: number[]; positions: number[] } {
  const { prefix, lanes, width } = sizesOf(batch);
  const { tokens } = batch;
  const at = Number(batch.selected.data[pick]);
  const row = Math.floor(at / (prefix + lanes * width));
  const place = (at % (prefix + lanes * width)) - prefix;
  expect(place).toBeGreaterThanOrEqual(0);
  const seen: (readonly [id: bigint, position: bigint])[] = [];
  for (let p = row * prefix; p < (row + 1) * prefix; p++) {
    if (tokens.prefix_segment_ids!.data[p] === 0n) continue;
    seen.push([tokens.prefix_ids!.data[p]!, tokens.prefix_position_ids!.data[p]!]);
  }
  const start = row * lanes * width + Math.floor(place / width) * width;
  const last = row * lanes * width + place;
  for (let p = start; p <= last; p++) {
    if (tokens.segment_ids.data[p] !== tokens.segment_ids.data[last]) continue;
    seen.push([tokens.input_ids.data[p]!, tokens.position_ids.data[p]!]);
  }
  return { ids: seen.map(([token]) => Number(token)), positions: seen.map(([, position]) => Number(position)) };
}

test('every token to score is picked exactly once, from exactly the tokens before it, and no two from one token', () => {
  fc.assert(
    fc.property(sequences, options, fc.boolean(), (batch, packing, isMasked) => {
      const masks = isMasked ? batch.map(({ tokenIds }) => tokenIds.map((token) => token % 2)) : undefined;
      const seen = batch.map(({ tokenIds }) => tokenIds.map(() => 0));
      for (const part of pack(batch, packing, masks)) {
        expect(new Set(part.selected.data).size).toBe(part.selected.data.length);
        for (const [pick, index] of part.pickSequence.entries()) {
          const token = part.pickToken[pick]!;
          const { promptIds, tokenIds } = batch[index]!;
          const before = [...promptIds, ...tokenIds.slice(0, token)];
          expect(contextOf(part, pick)).toEqual({ ids: before, positions: before.map((_, i) => i) });
          expect(Number(part.targets.data[pick])).toBe(tokenIds[token]);
          seen[index]![token]!++;
        }
      }
      expect(seen).toEqual(masks ?? batch.map(({ tokenIds }) => tokenIds.map(() => 1)));
    }),
  );
});

test('micro-batches keep to their budget, unless one sequence alone is longer', () => {
  fc.assert(
    fc.property(sequences, options, (batch, packing) => {
      for (const part of pack(batch, packing)) {
        const { rows, lanes, tokens } = sizesOf(part);
        expect(tokens <= (packing.maxTokensPerMicroBatch ?? 2048) || (rows === 1 && lanes === 1)).toBe(true);
      }
    }),
  );
});

test('a group within the budget is read in one run, its prompt once', () => {
  fc.assert(
    fc.property(sequences, fc.integer({ min: 60, max: 400 }), (batch, budget) => {
      const parts = pack(batch, { maxTokensPerMicroBatch: budget });
      const scored = batch.filter(({ tokenIds }) => tokenIds.length > 0);
      // The last token of a prompt is read with each completion: a prompt of one token has nothing to share.
      const prompted = scored.filter(({ promptIds }) => promptIds.length > 1);
      const groups = Map.groupBy(prompted, ({ promptIds }) => promptIds.join());
      for (const [key, members] of groups) {
        const [first, ...others] = members;
        const padded =
          first!.promptIds.length - 1 + members.length * Math.max(...members.map(({ tokenIds }) => tokenIds.length));
        if (others.length === 0 || padded > budget) continue;
        const holding = parts.filter((part) =>
          Array.from(part.pickSequence).some((index) => batch[index]!.promptIds.join() === key),
        );
        expect(holding.length).toBe(1);
      }
      const prefixes = parts.flatMap(({ tokens: { prefix_position_ids: positions, prefix_segment_ids: segments } }) =>
        Array.from(positions?.data.entries() ?? []).filter(
          ([at, position]) => position === 0n && segments!.data[at] === 1n,
        ),
      );
      const shared = [...groups.values()].filter(({ length }) => length > 1);
      const tooLarge = shared.some((members) => {
        const { promptIds } = members[0]!;
        return promptIds.length + members.length * 12 > budget;
      });
      if (!tooLarge) expect(prefixes.length).toBe(shared.length);
    }),
  );
});

test('padding is less than half of all lanes together, but for the last', () => {
  fc.assert(
    fc.property(sequences, (batch) => {
      const packing = { sharePrompts: false, tokensPerRow: 24, maxTokensPerMicroBatch: Number.MAX_SAFE_INTEGER };
      const scored = batch.filter(({ tokenIds }) => tokenIds.length > 0);
      const used = scored.reduce((sum, sequence) => sum + inputLength(sequence), 0);
      const lanes = pack(batch, packing).reduce((sum, part) => sum + sizesOf(part).lanes, 0);
      return lanes <= 1 || 2 * used > (lanes - 1) * 24;
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
