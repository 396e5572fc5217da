import { Random } from '@forge/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writtenCharacter } from '../../src/constraint/json/json-text.ts';
import { networkOf } from '../../src/constraint/network.ts';
import { patternGrammar } from '../../src/constraint/pattern.ts';
import { automatonOf, reads } from './reading.ts';

const atoms = [
  'a',
  'b',
  'é',
  '漢',
  '😀',
  '.',
  '\\d',
  '\\w',
  '\\s',
  '[^a]',
  '[a-cé]',
  '\\p{Lu}',
  '[^\\p{L}]',
  '\\n',
  '(?:)',
];
// RegExp tries every way through nested repetitions: with one more level, or two more characters, a pattern in thousands takes it
// half a minute.
const { pattern } = fc.letrec<{ pattern: string; sequence: string; part: string }>((tie) => ({
  pattern: fc.array(tie('sequence'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('|')),
  sequence: fc.array(tie('part'), { maxLength: 4 }).map((parts) => parts.join('')),
  part: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    fc.constantFrom(...atoms),
    fc
      .tuple(tie('pattern'), fc.constantFrom('', '*', '+', '?', '*?', '{2}', '{1,3}', '{2,}'))
      .map(([inner, times]) => `(${inner})${times}`),
  ),
}));
const anchored = fc
  .tuple(fc.boolean(), pattern, fc.boolean())
  .map(([begins, inner, ends]) => `${begins ? '^' : ''}(?:${inner})${ends ? '$' : ''}`);
const text = fc.string({ unit: fc.constantFrom(...'aabbccéÉ漢😀A1 \n\u2028K\u212a'), maxLength: 6 });

describe('a pattern', () => {
  test('accepts exactly the texts that RegExp matches as a whole', () => {
    fc.assert(
      fc.property(
        anchored,
        fc.constantFrom('', 'i', 's', 'is'),
        fc.array(text, { maxLength: 12 }),
        (source, flags, texts) => {
          const automaton = automatonOf(patternGrammar(source, { flags }));
          const whole = new RegExp(`^(?:${source})$`, `u${flags}`);
          for (const given of texts) expect([given, reads(automaton, given)]).toEqual([given, whole.test(given)]);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('that is searched for accepts exactly the texts that RegExp finds it in', () => {
    fc.assert(
      fc.property(fc.oneof(pattern, anchored), fc.array(text, { maxLength: 12 }), (source, texts) => {
        const automaton = automatonOf(patternGrammar(source, { isSearched: true }));
        const found = new RegExp(source, 'u');
        for (const given of texts) expect([given, reads(automaton, given)]).toEqual([given, found.test(given)]);
      }),
      { numRuns: 200 },
    );
  });

  test('of a string of JSON accepts what JSON.stringify writes of the strings that match', () => {
    const inner = fc.string({ unit: fc.constantFrom(...'ab"\\\n\u0001/é'), maxLength: 6 });
    const sources = ['[^a]*', '.*', '[a"\\\\]+', '^a.*b$', '\\s', '\u0001'];
    fc.assert(
      fc.property(fc.constantFrom(...sources), inner, (source, value) => {
        const grammar = patternGrammar(source, { isSearched: true, write: writtenCharacter });
        expect(reads(grammar, JSON.stringify(value).slice(1, -1))).toBe(new RegExp(source, 'u').test(value));
      }),
    );
  });

  test('accepts no bytes that are not UTF-8', () => {
    const automaton = automatonOf(patternGrammar('[^]*'));
    expect(reads(automaton, Uint8Array.of(0xc3, 0xa9))).toBe(true);
    for (const bytes of [[0xc3], [0xa9], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xff]]) {
      expect([bytes, reads(automaton, Uint8Array.from(bytes))]).toEqual([bytes, false]);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), (bytes) => {
        expect(reads(automaton, bytes)).toBe(isUtf8(bytes));
      }),
    );
  });

  test.each([
    ['a(?=b)', 'a lookahead (?=b)'],
    ['(?<!a)b', 'a lookbehind'],
    ['\\bfoo', 'a word boundary'],
    ['(a)\\1', 'a backreference'],
    ['a^b', 'a ^ that is not at the beginning'],
    ['(?:$a)+', 'a $ that is not at the end'],
    ['(?i:a)', 'flags within a pattern'],
    ['a(', 'Unterminated group'],
    ['\\-', 'Invalid escape'],
    ['[b-a]', 'Range out of order'],
  ])('%s is refused by name', (source, problem) => {
    const refusal = (() => {
      try {
        return patternGrammar(source);
      } catch (error) {
        return error;
      }
    })();
    expect(refusal).toMatchObject({
      code: 'ERR_GENERATOR_CONSTRAINT',
      message: expect.stringContaining(problem.split(' (')[0]!),
    });
  });

  test('with flags other than i, s and u is refused', () => {
    expect(() => patternGrammar('a', { flags: 'm' })).toThrow("flag 'm'");
  });

  test('that nothing matches is refused', () => {
    expect(() => networkOf(patternGrammar('a[]'))).toThrow('no text belongs to it');
    expect(() => networkOf(patternGrammar('a[]|b'))).not.toThrow();
  });
});

describe('a hostile pattern', () => {
  test('whose automaton would have 2^30 states is read a state at a time', () => {
    const automaton = automatonOf(patternGrammar('(?:a|b)*a(?:a|b){30}'));
    expect(reads(automaton, `${'b'.repeat(500)}a${'b'.repeat(30)}`)).toBe(true);
    expect(reads(automaton, `${'b'.repeat(500)}a${'b'.repeat(31)}`)).toBe(false);
    expect(automaton.numStates).toBeLessThan(1000);
  });

  test('that does need too many states is given up with an error', () => {
    const automaton = automatonOf(patternGrammar('(?:a|b)*a(?:a|b){30}'));
    const random = new Random(0);
    const text = Array.from({ length: 50_000 }, () => (random.uniform() < 0.5 ? 'a' : 'b')).join('');
    expect(() => reads(automaton, text)).toThrow(expect.objectContaining({ code: 'ERR_GENERATOR_CONSTRAINT' }));
  });

  test('that makes backtracking exponential is read in order', () => {
    const automaton = automatonOf(patternGrammar('(?:(?:a*)*)*b|(?:a|a)*c'));
    expect(reads(automaton, 'a'.repeat(5000))).toBe(false);
    expect(reads(automaton, `${'a'.repeat(5000)}c`)).toBe(true);
  });

  test('of 10,000 alternatives is read', () => {
    const words = Array.from({ length: 10_000 }, (_, at) => `word${at}`);
    const automaton = automatonOf(patternGrammar(words.join('|')));
    expect(reads(automaton, 'word9999')).toBe(true);
    expect(reads(automaton, 'word10000')).toBe(false);
  });

  test.each(['(?:a{1000}){1000}', '(?:(?:a?){900}){900}', `${'(?:'.repeat(9)}a${'){9,10}'.repeat(9)}`])(
    'that repeats too much is refused: %s',
    (source) => {
      expect(() => networkOf(patternGrammar(source))).toThrow('more than the 100000 parts');
    },
  );
});

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
