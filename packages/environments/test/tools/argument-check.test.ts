import { describe, expect, test } from 'vitest';
import { argumentCheck } from '../../src/tools/argument-check.ts';
import type { ParametersSchema, PropertySchema } from '../../src/tools/arguments.ts';

const parameters: ParametersSchema = {
  type: 'object',
  $defs: { seat: { type: 'integer', minimum: 1 } },
  properties: {
    place: { type: 'string', pattern: '^\\p{Lu}' },
    seats: { type: 'array', items: { $ref: '#/$defs/seat' } },
    kind: { enum: ['train', 'bus'] },
  },
  required: ['place'],
};

describe('the arguments of a call', () => {
  const check = argumentCheck('book', parameters);

  test.each([[{ place: 'Rome' }], [{ place: 'Rome', seats: [1, 2], kind: 'bus' }], [{ place: 'Rome', seats: [] }]])(
    'that fit are as they are: %j',
    (given) => {
      expect(check(given)).toBeUndefined();
    },
  );

  test.each<readonly [unknown, RegExp]>([
    [{}, /^.*required property "place"\.$/],
    [{ place: 1 }, /^place: .*"number".*"string"\.$/],
    [{ place: 'rome' }, /^place: .*pattern\.$/],
    [{ place: 'Rome', price: 2 }, /^price: There is no such argument\.$/],
    [{ place: 'Rome', kind: 'ship' }, /^kind: .*\["train","bus"\]\.$/],
    [{ seats: [1, 0, 'a'] }, /required property "place"\.; seats\.1: .*; seats\.2: /],
    [['Rome'], /"array".*"object"/],
    [null, /"null".*"object"/],
  ])('that do not fit are told with their places: %j', (given, problem) => {
    expect(check(given)).toMatch(problem);
  });

  test('may have names that the schema does not have, where it says so', () => {
    expect(argumentCheck('book', { ...parameters, additionalProperties: true })({ place: 'Rome', price: 2 })).toBe(
      undefined,
    );
  });
});

test.each<readonly [object, string]>([
  [{ type: 'colour' }, 'there is no type colour'],
  [{ type: 'array', items: { type: 'colour' } }, 'there is no type colour'],
  [{ type: 'string', pattern: '(' }, 'Unterminated group'],
  [{ $ref: '#/$defs/none' }, 'there is nothing at #/$defs/none'],
])('a schema that is none is refused when the tool is defined: %j', (property, reason) => {
  const wrong: ParametersSchema = { type: 'object', properties: { a: property as PropertySchema } };
  expect(() => argumentCheck('book', wrong)).toThrow(
    expect.objectContaining({ code: 'ERR_ENVIRONMENTS_TOOL', message: expect.stringContaining(reason) }),
  );
});
