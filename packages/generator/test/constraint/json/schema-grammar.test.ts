import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Whitespace } from '../../../src/constraint/json/json-text.ts';
import { schemaGrammar } from '../../../src/constraint/json/schema-grammar.ts';
import { networkOf } from '../../../src/constraint/network.ts';
import { automatonOf, reads, write } from '../reading.ts';

const ajv = new Ajv.default({ strict: false, allErrors: false });
addFormats.default(ajv);

const accepts = (schema: object, text: string, whitespace: Whitespace = 'compact') =>
  reads(schemaGrammar(schema, whitespace), text);
const bounds = fc.tuple(fc.integer({ min: -1200, max: 1200 }), fc.nat(1500));
const decimalBounds = fc
  .tuple(fc.integer({ min: -4000, max: 4000 }), fc.integer({ min: 1, max: 5000 }))
  .map(([at, width]) => [at / 64, (at + width) / 64]);
const limits = fc.tuple(fc.nat(3), fc.nat(3));

const constants = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1.5, 'a "quoted" é', '', 1e21),
  fc.constantFrom<unknown>([], [1, [2]], {}, { a: { b: [null] } }),
);
const scalar: fc.Arbitrary<object> = fc.oneof(
  fc.constantFrom<object>(
    { type: 'string' },
    { type: 'number' },
    { type: 'integer' },
    { type: 'boolean' },
    { type: 'null' },
  ),
  limits.map(([min, more]) => ({ type: 'string', minLength: min, maxLength: min + more })),
  fc
    .constantFrom('^[a-c]{2,4}$', '^x"y', '\\p{Lu}', '^a*\\\\$', '^(a|b)')
    .map((pattern) => ({ type: 'string', pattern })),
  fc
    .constantFrom('date', 'time', 'date-time', 'duration', 'uuid', 'email', 'hostname', 'ipv4', 'uri')
    .map((format) => ({ type: 'string', format })),
  bounds.map(([least, width]) => ({ type: 'integer', minimum: least, maximum: least + width })),
  bounds.map(([least, width]) => ({
    type: 'integer',
    exclusiveMinimum: least - 1,
    exclusiveMaximum: least + width + 1,
  })),
  decimalBounds.map(([least, most]) => ({ type: 'number', minimum: least, maximum: most })),
  decimalBounds.map(([least]) => ({ type: 'number', exclusiveMinimum: least })),
  fc.constantFrom<object>(
    { type: 'number', exclusiveMaximum: -3 },
    { type: 'integer', minimum: 7 },
    { type: ['null', 'string'] },
  ),
  fc.array(constants, { minLength: 1, maxLength: 4 }).map((values) => ({ enum: values })),
  constants.map((value) => ({ const: value })),
  fc.constant({}),
);
const names = fc.uniqueArray(fc.constantFrom('a', 'ab', 'b', 'é"', '', 'name'), { maxLength: 4 });
const { schema } = fc.letrec<{ schema: object }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    scalar,
    fc
      .tuple(tie('schema'), limits)
      .map(([items, [min, more]]) => ({ type: 'array', items, minItems: min, maxItems: min + more })),
    fc
      .tuple(fc.array(tie('schema'), { minLength: 1, maxLength: 3 }), fc.option(tie('schema')), limits)
      .map(([prefixItems, items, [min]]) => ({
        type: 'array',
        prefixItems,
        items: items ?? false,
        minItems: Math.min(min, prefixItems.length),
      })),
    fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
    fc
      .tuple(
        names,
        fc.array(tie('schema'), { minLength: 4, maxLength: 4 }),
        fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
        fc.option(fc.oneof(tie('schema'), fc.constant(true), fc.constant(false))),
      )
      .map(([given, parts, required, others]) => ({
        type: 'object',
        properties: Object.fromEntries(given.map((name, at) => [name, parts[at]])),
        required: given.filter((_, at) => required[at]),
        ...(others !== null && { additionalProperties: others }),
      })),
  ),
}));

describe('what a schema allows', () => {
  test('is JSON that the schema accepts, whatever the schema and the choices', () => {
    const choices = fc.infiniteStream(fc.nat(1_000_000));
    const blanks = fc.constantFrom<Whitespace>('compact', 'spaced', 'any');
    let numWritten = 0;
    fc.assert(
      fc.property(schema, choices, blanks, (given, chosen, whitespace) => {
        const validate = ajv.compile(given);
        const grammar = schemaGrammar(given, whitespace);
        for (let time = 0; time < 3; time++) {
          const text = write(grammar, (count) => chosen.next().value! % count);
          if (text === undefined) continue;
          numWritten++;
          const value: unknown = JSON.parse(text);
          expect([text, validate(value) || validate.errors]).toEqual([text, true]);
          if (whitespace === 'compact') expect(text).not.toMatch(/[\n\t]/);
        }
      }),
      { numRuns: 150 },
    );
    expect(numWritten).toBeGreaterThan(300);
  });

  test('is every value of the plain types, as JSON.stringify writes it', () => {
    const anything = automatonOf(schemaGrammar({}, 'compact'));
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const hasLongNumber = /\d{16}|e[+-]?\d{3}/.test(JSON.stringify(value).replaceAll(/"(?:[^"\\]|\\.)*"/g, ''));
        expect(reads(anything, JSON.stringify(value)) || hasLongNumber).toBe(true);
      }),
    );
  });

  test('is exactly the integers within bounds', () => {
    fc.assert(
      fc.property(bounds, fc.integer({ min: -3000, max: 3000 }), ([least, width], value) => {
        const allowed = accepts({ type: 'integer', minimum: least, maximum: least + width }, String(value));
        expect(allowed).toBe(least <= value && value <= least + width);
      }),
    );
    expect(
      accepts(
        { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
        '9007199254740991',
      ),
    ).toBe(true);
    expect(
      accepts(
        { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
        '9007199254740992',
      ),
    ).toBe(false);
  });

  test('is exactly the numbers within bounds', () => {
    const value = fc.tuple(fc.integer({ min: -6000, max: 6000 }), fc.constantFrom(1, 10, 64, 1000));
    fc.assert(
      fc.property(decimalBounds, value, ([least, most], [top, bottom]) => {
        const given = String(Number((top / bottom).toFixed(6)));
        const allowed = accepts({ type: 'number', minimum: least, exclusiveMaximum: most }, given);
        expect([given, allowed]).toEqual([given, least! <= Number(given) && Number(given) < most!]);
      }),
    );
  });
});

const person = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    age: { type: 'integer' },
    tags: { type: 'array', items: { type: 'string' } },
  },
  required: ['name', 'age'],
};

describe('objects', () => {
  test('have their properties in order, and may leave out those that are not required', () => {
    expect(accepts(person, '{"name":"A","age":3}')).toBe(true);
    expect(accepts(person, '{"name":"A","age":3,"tags":["x"]}')).toBe(true);
    for (const text of [
      '{"age":3,"name":"A"}',
      '{"name":"A"}',
      '{"name":"A","age":3,}',
      '{"name":"A","age":3,"x":1}',
      '{}',
    ]) {
      expect([text, accepts(person, text)]).toEqual([text, false]);
    }
  });

  test('have other properties where the schema says which, under names of their own', () => {
    const open = { ...person, additionalProperties: { type: 'boolean' } };
    expect(accepts(open, '{"name":"A","age":3,"namely":true,"nam":false}')).toBe(true);
    expect(accepts(open, '{"name":"A","age":3,"tags":true}')).toBe(false);
    expect(accepts(open, '{"name":"A","age":3,"\\u0074ags":true}')).toBe(false);
    expect(accepts(open, '{"name":"A","age":3,"x":1}')).toBe(false);
  });

  test('of a thousand properties are written', () => {
    const properties = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`p${at}`, { type: 'integer' }]));
    expect(accepts({ type: 'object', properties }, '{"p0":1,"p999":2}')).toBe(true);
    expect(accepts({ type: 'object', properties }, '{"p999":1,"p0":2}')).toBe(false);
  });
});

describe('references', () => {
  const tree = {
    type: 'object',
    properties: { value: { type: 'integer' }, next: { anyOf: [{ $ref: '#' }, { type: 'null' }] } },
    required: ['value', 'next'],
  };

  test('may be recursive, to any depth', () => {
    const nested = (depth: number): string => (depth === 0 ? 'null' : `{"value":1,"next":${nested(depth - 1)}}`);
    expect(accepts(tree, nested(1))).toBe(true);
    expect(accepts(tree, nested(500))).toBe(true);
    expect(accepts(tree, `${nested(500)}}`)).toBe(false);
  });

  test('find definitions by name', () => {
    const schema = { $defs: { 'a/b': { type: 'null' } }, type: 'array', items: { $ref: '#/$defs/a~1b' } };
    expect(accepts(schema, '[null,null]')).toBe(true);
  });

  test.each<[string, object]>([
    ['leads nowhere', { $ref: '#/$defs/x' }],
    ['leads elsewhere', { $ref: 'https://example.org/schema' }],
    ['leads to itself', { $ref: '#' }],
    ['leads to itself by a choice', { anyOf: [{ type: 'null' }, { $ref: '#' }] }],
    [
      'leads to itself by way of another',
      { $ref: '#/$defs/a', $defs: { a: { anyOf: [{ $ref: '#/$defs/b' }] }, b: { $ref: '#/$defs/a' } } },
    ],
    ['needs itself', { type: 'object', properties: { a: { $ref: '#' } }, required: ['a'] }],
  ])('one that %s is refused', (_, schema) => {
    expect(() => networkOf(schemaGrammar(schema, 'compact'))).toThrow(
      expect.objectContaining({ code: 'ERR_GENERATOR_CONSTRAINT' }),
    );
  });
});

describe('oneOf', () => {
  const tagged = (kind: string) => ({ type: 'object', properties: { kind: { const: kind } }, required: ['kind'] });

  test('is taken where types or a constant property tell the schemas apart', () => {
    expect(accepts({ oneOf: [tagged('a'), tagged('b')] }, '{"kind":"b"}')).toBe(true);
    expect(accepts({ oneOf: [{ type: 'string' }, { type: 'integer' }, { enum: [null] }] }, 'null')).toBe(true);
  });

  test('is refused where there are too many schemas to compare', () => {
    const many = Array.from({ length: 101 }, (_, at) => ({ const: at }));
    expect(() => schemaGrammar({ oneOf: many }, 'compact')).toThrow('more than 100 alternatives');
    expect(() => schemaGrammar({ oneOf: many.slice(1) }, 'compact')).not.toThrow();
  });

  test('is refused where a value may be of two', () => {
    for (const oneOf of [
      [{ type: 'integer' }, { type: 'number' }],
      [tagged('a'), { type: 'object' }],
      [{ ...tagged('a'), required: [] }, tagged('b')],
      [{ type: ['object', 'null'] }, { type: ['null', 'string'] }],
      [{}, { type: 'null' }],
    ]) {
      expect(() => schemaGrammar({ oneOf }, 'compact')).toThrow("'oneOf'");
    }
  });
});

describe('what cannot be obeyed is refused with keyword and place:', () => {
  const within = (schema: unknown) => ({ type: 'object', properties: { 'a/b': { type: 'array', items: schema } } });
  test.each<[string, unknown]>([
    ['uniqueItems', { type: 'array', uniqueItems: true }],
    ['contains', { contains: {} }],
    ['not', { not: {} }],
    ['if', { if: {}, else: false }],
    ['patternProperties', { type: 'object', patternProperties: {} }],
    ['minProperties', { type: 'object', minProperties: 1 }],
    ['multipleOf', { type: 'integer', multipleOf: 2 }],
    ['minLength', { type: 'integer', minLength: 2 }],
    ['minLength', { type: 'string', minLength: -1 }],
    ['minItems', { type: 'array', minItems: 3, maxItems: 2 }],
    ['pattern', { type: 'string', pattern: '(?=a)' }],
    ['pattern', { type: 'string', pattern: 'a', maxLength: 3 }],
    ['format', { type: 'string', format: 'color' }],
    ['minimum', { type: 'number', minimum: 1e-9 }],
    ['minimum', { type: 'number', minimum: 'much' }],
    ['type', { type: 'float' }],
    ['type', { type: [] }],
    ['enum', { enum: [] }],
    ['enum', { type: 'string', enum: [1] }],
    ['properties', { anyOf: [{}], properties: {} }],
    ['const', { const: 1, enum: [1] }],
    ['required', { type: 'object', required: ['x'], additionalProperties: false }],
    ['required', { type: 'object', required: 'x' }],
    ['propertyNames', { type: 'object', properties: { a: {} }, additionalProperties: true, propertyNames: {} }],
    ['properties', { type: 'object', properties: [] }],
    ['typo', { type: 'object', typo: 1 }],
    ['allOf', { allOf: [{}, {}] }],
  ])('%s in %j', (keyword, part) => {
    expect(() => networkOf(schemaGrammar(within(part), 'compact'))).toThrow(
      expect.objectContaining({ code: 'ERR_GENERATOR_CONSTRAINT', path: '/properties/a~1b/items', keyword }),
    );
  });

  test.each([5, null, 'string', []])('%j, which is no schema', (part) => {
    expect(() => networkOf(schemaGrammar(within(part), 'compact'))).toThrow('a schema is an object');
  });
});
