import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CompletionText } from '../../src/text/completion-text.ts';

const decodeBytes = (ids: readonly number[]) => new TextDecoder().decode(Uint8Array.from(ids));
const bytesOf = (text: string) => [...new TextEncoder().encode(text)];

/** Pieces, and the stop string that ended them, of a text that comes byte by byte. */
function stream(text: string, stops: readonly string[]) {
  const growing = new CompletionText(decodeBytes, stops);
  const pieces: string[] = [];
  for (const byte of bytesOf(text)) {
    const stop = growing.push(byte);
    pieces.push(growing.take(stop !== undefined));
    if (stop !== undefined) return { pieces, stop, whole: growing.whole() };
  }
  pieces.push(growing.take(true));
  return { pieces, stop: undefined, whole: growing.whole() };
}

const letters = fc.array(fc.constantFrom('a', 'b', 'ü', '漢', '🙂'), { maxLength: 30 }).map((all) => all.join(''));
const stops = fc.array(
  letters.filter((text) => text !== ''),
  { maxLength: 3 },
);

describe('CompletionText', () => {
  test('the pieces join to the text before the stop string that is complete first', () => {
    fc.assert(
      fc.property(letters, stops, (text, strings) => {
        const { pieces, stop, whole } = stream(text, strings);
        expect(pieces.join('')).toBe(whole);
        if (stop === undefined) {
          expect(whole).toBe(text);
          expect(strings.some((string) => text.includes(string))).toBe(false);
        } else {
          expect(text.startsWith(whole + stop)).toBe(true);
          const before = (whole + stop).slice(0, -1);
          expect(strings.some((string) => before.includes(string))).toBe(false);
        }
      }),
    );
  });

  test('a piece holds whole characters only', () => {
    fc.assert(
      fc.property(letters, stops, (text, strings) => {
        for (const piece of stream(text, strings).pieces) {
          expect(piece).not.toContain('\uFFFD');
          expect(piece.isWellFormed()).toBe(true);
        }
      }),
    );
  });

  test('no more is held back than may begin a stop string', () => {
    expect(stream('abcdabce', ['bce']).pieces).toEqual(['a', '', '', 'bcd', 'a', '', '', '']);
  });

  test('a character that never becomes whole comes with the end', () => {
    const growing = new CompletionText(decodeBytes, []);
    for (const byte of bytesOf('🙂').slice(0, 3)) growing.push(byte);
    expect(growing.take(false)).toBe('');
    expect(growing.take(true)).toBe('\uFFFD');
  });
});
