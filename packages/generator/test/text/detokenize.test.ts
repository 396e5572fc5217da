import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Detokenizer } from '../../src/text/detokenize.ts';

/** A byte-level tokenizer with one token a byte, and 256 for a token that prints nothing. */
const decodeBytes = (ids: readonly number[]) => new TextDecoder().decode(Uint8Array.from(ids.filter((id) => id < 256)));
/** A tokenizer that drops the space before the first word of what it decodes. */
const decodeWords = (ids: readonly number[]) =>
  ids
    .map((id) => ` w${id}`)
    .join('')
    .slice(1);

function pieces(ids: readonly number[], decode: (ids: readonly number[]) => string): string[] {
  const detokenizer = new Detokenizer(decode);
  return [...ids.map((id) => detokenizer.push(id)), detokenizer.rest()];
}

/** Code points of characters of one to four bytes. */
const character = fc.oneof(
  fc.integer({ min: 0, max: 0x7f }),
  fc.integer({ min: 0x80, max: 0x7ff }),
  fc.integer({ min: 0x800, max: 0xd7ff }),
  fc.integer({ min: 0x10000, max: 0x10ffff }),
);

describe('Detokenizer', () => {
  test('the pieces of any bytes, broken ones too, join to the text of the whole', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 256 }), { maxLength: 200 }), (ids) => {
        expect(pieces(ids, decodeBytes).join('')).toBe(decodeBytes(ids));
      }),
    );
  });

  test('a piece holds whole characters only', () => {
    fc.assert(
      fc.property(fc.array(character, { maxLength: 100 }), (characters) => {
        const text = String.fromCodePoint(...characters);
        const all = pieces([...new TextEncoder().encode(text)], decodeBytes);
        expect(all.join('')).toBe(text);
        expect(all.filter((piece) => !piece.isWellFormed())).toEqual([]);
      }),
    );
  });

  test('an emoji comes out with its last byte', () => {
    expect(pieces([...new TextEncoder().encode('a👍b')], decodeBytes)).toEqual(['a', '', '', '', '👍', 'b', '']);
  });

  test('a space at the start of the window is not lost', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 150 }), (ids) => {
        expect(pieces(ids, decodeWords).join('')).toBe(decodeWords(ids));
      }),
    );
  });

  test('a long completion is decoded a window at a time', () => {
    let longest = 0;
    const detokenizer = new Detokenizer((ids) => {
      longest = Math.max(longest, ids.length);
      return decodeWords(ids);
    });
    for (let id = 0; id < 1000; id++) detokenizer.push(id);
    expect(longest).toBeLessThan(64);
  });
});
