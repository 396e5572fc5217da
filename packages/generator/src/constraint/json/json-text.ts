import { choice, empty, type Grammar, literal, optional, repeat, rule, sequence } from '../grammar.ts';
import { type CodePointRange, characters, includes, without } from '../utf8.ts';

/**
 * The blank space within JSON: none; at most one space after a colon and a comma, as Python's `json.dumps` writes; or as
 * much as JSON allows.
 */
export type Whitespace = 'compact' | 'spaced' | 'any';

/** The signs between the parts of arrays and objects. */
export interface Punctuation {
  readonly comma: Grammar;
  readonly colon: Grammar;
  readonly openObject: Grammar;
  readonly closeObject: Grammar;
  readonly openArray: Grammar;
  readonly closeArray: Grammar;
}

const blanks = repeat(
  {
    kind: 'byte',
    ranges: [
      [0x09, 0x0a],
      [0x0d, 0x0d],
      [0x20, 0x20],
    ],
  },
  0,
  Number.POSITIVE_INFINITY,
);
const spaces: Readonly<Record<Whitespace, { readonly around: Grammar; readonly after: Grammar }>> = {
  compact: { around: empty, after: empty },
  spaced: { around: empty, after: optional(literal(' ')) },
  any: { around: blanks, after: blanks },
};

/** The signs of JSON with blank space. */
export function punctuation(whitespace: Whitespace): Punctuation {
  const { around, after } = spaces[whitespace];
  return {
    comma: sequence(around, literal(','), after),
    colon: sequence(around, literal(':'), after),
    openObject: sequence(literal('{'), around),
    closeObject: sequence(around, literal('}')),
    openArray: sequence(literal('['), around),
    closeArray: sequence(around, literal(']')),
  };
}

const quote = literal('"');
const digits = (least: number, most: number) => repeat({ kind: 'byte', ranges: [[0x30, 0x39]] }, least, most);
const hex = (times: number) =>
  repeat(
    {
      kind: 'byte',
      ranges: [
        [0x30, 0x39],
        [0x41, 0x46],
        [0x61, 0x66],
      ],
    },
    times,
    times,
  );
const oneByte = (signs: string): Grammar => ({
  kind: 'byte',
  ranges: Array.from(signs, (sign) => [sign.charCodeAt(0), sign.charCodeAt(0)]),
});

/** Characters that JSON writes with a backslash. */
const escaped = [...Array.from({ length: 0x20 }, (_, control) => control), 0x22, 0x5c];
const everything: readonly CodePointRange[] = [[0, 0x10ffff]];

/** One character of some ranges as `JSON.stringify` writes it within a string. */
export function writtenCharacter(ranges: readonly CodePointRange[]): Grammar {
  const written = escaped.filter((point) => includes(ranges, point)).map((point) => String.fromCodePoint(point));
  const escapes = written.map((character) => literal(JSON.stringify(character).slice(1, -1)));
  return choice(characters(without(ranges, escaped)), ...escapes);
}

/** One character of a string in any of the ways that JSON allows; surrogates come in pairs. */
export const anyCharacter: Grammar = rule(() => {
  const u = literal('\\u');
  const single = choice(
    sequence(oneByte('0123456789abcABCefEF'), hex(3)),
    sequence(oneByte('dD'), oneByte('01234567'), hex(2)),
  );
  const high = sequence(oneByte('dD'), oneByte('89abAB'), hex(2));
  const low = sequence(oneByte('dD'), oneByte('cdefCDEF'), hex(2));
  return choice(
    characters(without(everything, escaped)),
    sequence(literal('\\'), oneByte('"\\/bfnrt')),
    sequence(u, choice(single, sequence(high, u, low))),
  );
});

/** A string of something. */
export const quoted = (content: Grammar): Grammar => sequence(quote, content, quote);

/** Any string. */
export const anyString: Grammar = rule(() => quoted(repeat(anyCharacter, 0, Number.POSITIVE_INFINITY)));

/** A string other than some, written as `JSON.stringify` does: no escapes hide a name. */
export function anyStringBut(names: readonly string[]): Grammar {
  const rest = repeat(writtenCharacter(everything), 0, Number.POSITIVE_INFINITY);
  const other = (left: readonly (readonly string[])[]): Grammar => {
    if (left.length === 0) return sequence(rest, quote);
    const firsts = [...new Set(left.flatMap(([first]) => first ?? []))];
    const others = without(
      everything,
      firsts.map((character) => character.codePointAt(0)!),
    ); // not empty
    return choice(
      ...(left.some(({ length }) => length === 0) ? [] : [quote]),
      sequence(writtenCharacter(others), rest, quote),
      ...firsts.map((character) =>
        sequence(
          literal(JSON.stringify(character).slice(1, -1)),
          other(left.filter(([first]) => first === character).map((name) => name.slice(1))),
        ),
      ),
    );
  };
  return sequence(quote, other(names.map((name) => [...name])));
}

/** Digits of a number before and after its point, at most: a double tells all such numbers apart. */
const MAX_DIGITS = 15;
const minus = optional(literal('-'));
const whole = choice(literal('0'), sequence({ kind: 'byte', ranges: [[0x31, 0x39]] }, digits(0, MAX_DIGITS - 1)));

/** Any integer of at most 15 digits, and no -0. */
export const anyInteger: Grammar = choice(
  literal('0'),
  sequence(minus, { kind: 'byte', ranges: [[0x31, 0x39]] }, digits(0, MAX_DIGITS - 1)),
);

/** Any number of at most 15 digits before and after its point and an exponent of two. */
export const anyNumber: Grammar = sequence(
  minus,
  whole,
  optional(sequence(literal('.'), digits(1, MAX_DIGITS))),
  optional(sequence(oneByte('eE'), optional(oneByte('+-')), digits(1, 2))),
);

/** A value as `JSON.stringify` writes it, but for the blank space. */
export function writtenValue(value: unknown, signs: Punctuation): Grammar {
  if (typeof value !== 'object' || value === null) return literal(JSON.stringify(value));
  const isArray = Array.isArray(value);
  const parts = isArray
    ? value.map((item: unknown) => writtenValue(item, signs))
    : Object.entries(value).map(([name, item]) =>
        sequence(literal(JSON.stringify(name)), signs.colon, writtenValue(item, signs)),
      );
  const separated = parts.map((part, at) => (at === 0 ? part : sequence(signs.comma, part)));
  return isArray
    ? sequence(signs.openArray, ...separated, signs.closeArray)
    : sequence(signs.openObject, ...separated, signs.closeObject);
}

/** Parts with commas between them. */
export function list(part: Grammar, comma: Grammar, min: number, max: number): Grammar {
  if (max === 0) return empty;
  const others = repeat(sequence(comma, part), Math.max(0, min - 1), max - 1);
  const filled = sequence(part, others);
  return min === 0 ? optional(filled) : filled;
}

/** Any value; an object where `onlyObjects`. */
export function anyValue(signs: Punctuation, onlyObjects = false): Grammar {
  const endless = Number.POSITIVE_INFINITY;
  const object: Grammar = rule(() => {
    const member = sequence(anyString, signs.colon, value);
    return sequence(signs.openObject, list(member, signs.comma, 0, endless), signs.closeObject);
  });
  const array: Grammar = rule(() => sequence(signs.openArray, list(value, signs.comma, 0, endless), signs.closeArray));
  const value: Grammar = rule(() =>
    choice(anyString, anyNumber, literal('true'), literal('false'), literal('null'), object, array),
  );
  return onlyObjects ? object : value;
}
