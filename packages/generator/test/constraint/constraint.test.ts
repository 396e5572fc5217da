import { loadTokenizer } from '@forge/models';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ConstrainedText, Constraint } from '../../src/constraint/constraint.ts';
import { Constraints } from '../../src/constraint/constraints.ts';
import type { Grammar } from '../../src/constraint/grammar.ts';
import { schemaGrammar } from '../../src/constraint/json/schema-grammar.ts';
import { networkOf } from '../../src/constraint/network.ts';
import { patternGrammar } from '../../src/constraint/pattern.ts';
import { readVocabulary, type Vocabulary } from '../../src/constraint/vocabulary.ts';
import { goldenFolder } from '../golden-models.ts';
import { automatonOf } from './reading.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const vocabularyOf = (tokens: readonly Uint8Array[]) => readVocabulary((id) => tokens[id], tokens.length);
const constraintOf = (grammar: Grammar, vocabulary: Vocabulary, dropsLeadingSpace = false) =>
  new Constraint(networkOf(grammar), vocabulary, { dropsLeadingSpace });

/** The tokens that may come next. */
function allowed(text: ConstrainedText): readonly number[] {
  while (!text.prepare(0)) {
    // a slice more
  }
  return [...text.mask].flatMap((word, at) =>
    Array.from({ length: 32 }, (_, bit) => ((word >>> bit) & 1 ? at * 32 + bit : -1)).filter((id) => id >= 0),
  );
}
/** Whether some text of the grammar begins with these bytes. */
function begins(grammar: Grammar, bytes: Uint8Array): boolean {
  const automaton = automatonOf(grammar);
  let state = automaton.start;
  for (const byte of bytes) state = automaton.next(state, byte);
  return automaton.goesOn(state) || automaton.accepts(state);
}

const grammars: readonly Grammar[] = [
  patternGrammar('(?:ab|é)*[a-c漢]{2}'),
  patternGrammar('[^]*é'),
  patternGrammar(' ?a+'),
  schemaGrammar({ type: 'object', properties: { a: { type: 'string' }, é: {} } }, 'compact'),
  schemaGrammar({}, 'any'),
];
const pieces = ['a', 'b', 'c', 'é', '漢', '"', '{', '}', '[', ']', ':', ',', ' ', '\\', '1', 'true', 'ab', '{"', '":'];

describe('the tokens that may come next', () => {
  test('are those that the automaton reads to the end, for any vocabulary, even of parts of characters', async () => {
    const token = fc.oneof(
      fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 4 }).map((parts) => bytesOf(parts.join(''))),
      fc.constantFrom(...bytesOf('aé漢{"')).map((byte) => Uint8Array.of(byte)),
      fc.constant(new Uint8Array(0)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(token, { minLength: 1, maxLength: 40 }),
        fc.constantFrom(...grammars),
        fc.infiniteStream(fc.nat(1000)),
        async (tokens, grammar, choices) => {
          const text = constraintOf(grammar, await vocabularyOf(tokens)).begin();
          let bytes: readonly number[] = [];
          for (let length = 0; length < 6; length++) {
            const expected = [...tokens.keys()].filter(
              (id) => tokens[id]!.length > 0 && begins(grammar, Uint8Array.from([...bytes, ...tokens[id]!])),
            );
            if (expected.length === 0) break;
            expect(allowed(text)).toEqual(expected);
            const next = expected[choices.next().value! % expected.length]!;
            bytes = [...bytes, ...tokens[next]!];
            text.push(next);
          }
        },
      ),
    );
  });

  test('are found the same after a constraint has begun anew because it had grown too large', async () => {
    const vocabulary = await vocabularyOf(Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)));
    const constraint = new Constraint(networkOf(schemaGrammar({}, 'compact')), vocabulary, { maxBytes: 100_000 });
    const [long, other] = [constraint.begin(), constraint.begin()];
    const before = constraint.knowledge;
    for (const byte of bytesOf('[[{"a":[')) long.push(byte);
    for (let depth = 0; depth < 800 && constraint.knowledge === before; depth++) {
      allowed(other);
      other.push('['.charCodeAt(0));
    }
    expect(constraint.knowledge).not.toBe(before);
    const fresh = constraintOf(schemaGrammar({}, 'compact'), vocabulary).begin();
    for (const byte of bytesOf('[[{"a":[1]')) {
      fresh.push(byte);
    }
    for (const byte of bytesOf('1]')) long.push(byte);
    expect(allowed(long)).toEqual(allowed(fresh));
    for (const byte of bytesOf('}]]')) long.push(byte);
    expect([long.isComplete, long.isOver]).toEqual([true, true]);
  });

  test('may begin with the space that the tokenizer drops', async () => {
    const tokens = [' ', ' a', '  a', 'a', ' b', 'b'].map(bytesOf);
    const vocabulary = await vocabularyOf(tokens);
    expect(allowed(constraintOf(patternGrammar('a'), vocabulary, true).begin())).toEqual([0, 1, 3]);
    expect(allowed(constraintOf(patternGrammar(' a|b'), vocabulary, true).begin())).toEqual([0, 2, 4, 5]);
    expect(allowed(constraintOf(patternGrammar(' a|b'), vocabulary).begin())).toEqual([0, 1, 5]);
  });

  test('are none where the vocabulary cannot spell the text, which is an error', async () => {
    const text = constraintOf(patternGrammar('ab'), await vocabularyOf([bytesOf('a')])).begin();
    expect(allowed(text)).toEqual([0]);
    text.push(0);
    expect(() => allowed(text)).toThrow(expect.objectContaining({ code: 'ERR_GENERATOR_CONSTRAINT' }));
  });
});

describe('the constraints of an engine', () => {
  test('are compiled once for requests that ask for the same', async () => {
    const constraints = await Constraints.open(await loadTokenizer(goldenFolder('tokenizer')), 700);
    const [a, b, other] = await Promise.all(['a+', 'a+', 'b+'].map((regex) => constraints.of({ regex })));
    expect(a).toBe(b);
    expect(a).not.toBe(other);
  });

  test('are refused for a tokenizer whose tokens have no bytes, and where they are nested too deeply', async () => {
    const unknown = await Constraints.open({ tokenBytes: () => undefined, dropsLeadingSpace: false }, 700);
    expect(() => unknown.check({ regex: 'a' })).toThrow('the bytes of the tokens');
    const constraints = await Constraints.open(await loadTokenizer(goldenFolder('tokenizer')), 700);
    expect(() => constraints.check({ regex: '('.repeat(50_000) + ')'.repeat(50_000) })).toThrow('nested too deeply');
    const nested = (depth: number) => JSON.parse(`${'{"anyOf":['.repeat(depth)}{}${']}'.repeat(depth)}`);
    expect(() => constraints.check({ json: nested(50_000) })).toThrow('nested too deeply');
    expect(() => constraints.check({ json: nested(100) })).not.toThrow();
  });
});
