/** A JSON schema (draft 2020-12): an object of keywords, `true` for any value, `false` for none. */
export type JsonSchema = boolean | SchemaObject;

/** The keywords of a schema. */
export type SchemaObject = Readonly<Record<string, unknown>>;

/** The types of JSON values, and `integer`. */
export const jsonTypes = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const;
export type JsonType = (typeof jsonTypes)[number];

/** The keywords that say something about the values of a type. */
export const keywordsOf = {
  object: ['properties', 'required', 'additionalProperties', 'propertyNames'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  integer: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  boolean: [],
  null: [],
} as const satisfies Record<JsonType, readonly string[]>;

/** Keywords that say what values there are, each alone but for `type` beside `enum` and `const`. */
export const selectors = ['$ref', 'anyOf', 'oneOf', 'allOf', 'enum', 'const'] as const;
export type Selector = (typeof selectors)[number];

/** Keywords that no value fails. */
export const annotations: ReadonlySet<string> = new Set([
  '$schema',
  '$id',
  '$comment',
  '$defs',
  'definitions',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
]);

/** A schema with the place where it stands, as a JSON pointer. */
export interface PlacedSchema {
  readonly schema: JsonSchema;
  readonly path: string;
}

/** The place of a keyword's value, or of a part of it. */
export function placed(path: string, ...steps: readonly (string | number)[]): string {
  return steps.reduce<string>((at, step) => `${at}/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`, path);
}

/** The type of a value; whole numbers are integers. */
export function typeOf(value: unknown): JsonType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value === 'object' ? 'object' : (typeof value as 'string' | 'boolean'); // JSON has no other values
}

/** Whether values of one type are of the other. */
export function isOfType(type: JsonType, wanted: JsonType): boolean {
  return type === wanted || (type === 'integer' && wanted === 'number');
}
