import { ConstraintError } from '../../errors.ts';
import { type JsonSchema, type PlacedSchema, placed, type SchemaObject } from './json-schema.ts';

/** Reads the keywords of one schema; what is malformed is refused by name and place. */
export interface SchemaReader {
  readonly self: { readonly schema: SchemaObject; readonly path: string };
  has(keyword: string): boolean;
  text(keyword: string): string;
  list(keyword: string): readonly unknown[];
  schema(keyword: string): PlacedSchema;
  /** The schemas of a list that is not empty. */
  schemas(keyword: string): readonly PlacedSchema[];
  /** The schemas of an object by their names, in its order. */
  members(keyword: string): readonly (PlacedSchema & { readonly name: string })[];
  /** A least and a greatest number of parts. */
  limits(min: string, max: string): { readonly min: number; readonly max: number };
  numbers<Keyword extends string>(keywords: readonly Keyword[]): Readonly<Partial<Record<Keyword, number>>>;
  /** An error that names a keyword. */
  refuse(keyword: string, problem: string): ConstraintError;
}

export function keywordReader(schema: SchemaObject, path: string): SchemaReader {
  const refuse = (keyword: string, problem: string) =>
    new ConstraintError(`'${keyword}' ${problem}`, { path, keyword });
  const list = (keyword: string): readonly unknown[] => {
    const value = schema[keyword];
    if (!Array.isArray(value) || value.length === 0) throw refuse(keyword, 'must be a list that is not empty.');
    return value;
  };
  const limit = (keyword: string, fallback: number): number => {
    const value = schema[keyword] ?? fallback;
    if (value === fallback || (Number.isSafeInteger(value) && Number(value) >= 0)) return Number(value);
    throw refuse(keyword, 'must be a whole number of at least 0.');
  };
  // What a schema is is checked where it is read.
  const part = (value: unknown, ...steps: readonly (string | number)[]): PlacedSchema => ({
    schema: value as JsonSchema,
    path: placed(path, ...steps),
  });
  return {
    self: { schema, path },
    refuse,
    list,
    has: (keyword) => Object.hasOwn(schema, keyword),
    text: (keyword) => {
      const value = schema[keyword];
      if (typeof value !== 'string') throw refuse(keyword, 'must be a text.');
      return value;
    },
    schema: (keyword) => part(schema[keyword], keyword),
    schemas: (keyword) => list(keyword).map((each, at) => part(each, keyword, at)),
    members: (keyword) => {
      const value = schema[keyword] ?? {};
      if (typeof value !== 'object' || Array.isArray(value)) throw refuse(keyword, 'must be an object of schemas.');
      return Object.entries(value).map(([name, each]) => ({ name, ...part(each, keyword, name) }));
    },
    limits: (min, max) => {
      const limits = { min: limit(min, 0), max: limit(max, Number.POSITIVE_INFINITY) };
      if (limits.min > limits.max) throw refuse(min, `is above ${max}.`);
      return limits;
    },
    numbers: (keywords) => {
      const given = keywords.filter((keyword) => Object.hasOwn(schema, keyword));
      const broken = given.find((keyword) => !Number.isFinite(schema[keyword]));
      if (broken !== undefined) throw refuse(broken, 'must be a number.');
      return Object.fromEntries(given.map((keyword) => [keyword, schema[keyword]])) as Partial<
        Record<(typeof keywords)[number], number>
      >; // all finite numbers, checked above
    },
  };
}
