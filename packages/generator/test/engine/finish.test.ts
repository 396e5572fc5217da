import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findStop, finishOf } from '../../src/engine/finish.ts';

describe('finishOf', () => {
  const rules = { stopTokenIds: new Set([9]), maxTokens: 3 };
  test('goes on before the limit', () => expect(finishOf([1, 2], rules)).toBeUndefined());
  test('ends at the limit', () => expect(finishOf([1, 2, 3], rules)).toEqual({ reason: 'length' }));
  test('ends with a stop token', () => expect(finishOf([1, 9], rules)).toEqual({ reason: 'stop', stoppedBy: 9 }));
  test('a stop token on the limit is a stop', () =>
    expect(finishOf([1, 2, 9], rules)).toEqual({ reason: 'stop', stoppedBy: 9 }));
});

describe('findStop', () => {
  test('finds the stop string that begins first, the longer one of two', () => {
    expect(findStop('abcdef', ['ef', 'cd', 'cde'], 0)).toEqual({ stop: 'cde', at: 2 });
  });

  test('however a text comes in pieces, the first match is where it is in the whole', () => {
    const text = fc.array(fc.constantFrom('a', 'b'), { maxLength: 30 });
    const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 }), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(text, stops, (characters, wanted) => {
        const whole = characters.join('');
        let seen = '';
        let match: ReturnType<typeof findStop>;
        for (const character of characters) {
          const numSearched = seen.length;
          seen += character;
          match = findStop(seen, wanted, numSearched);
          if (match) break;
        }
        const ends = wanted
          .map((stop) => whole.indexOf(stop) + stop.length)
          .filter((_, at) => whole.includes(wanted[at]!));
        if (ends.length === 0) expect(match).toBeUndefined();
        else expect(seen).toHaveLength(Math.min(...ends)); // stopped with the character that completed the first one
        if (match) expect(seen.slice(match.at)).toBe(match.stop);
      }),
    );
  });
});
