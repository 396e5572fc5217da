import { ConstraintError } from '../../errors.ts';
import { choice, type Grammar, literal, nothing, repeat, rule, sequence } from '../grammar.ts';
import { patternGrammar } from '../pattern.ts';
import { areDisjoint } from './disjoint.ts';
import { formats } from './formats.ts';
import {
  annotations,
  isOfType,
  type JsonSchema,
  type JsonType,
  jsonTypes,
  keywordsOf,
  type PlacedSchema,
  type Selector,
  selectors,
  typeOf,
} from './json-schema.ts';
import {
  anyCharacter,
  anyString,
  anyValue,
  list,
  type Punctuation,
  punctuation,
  quoted,
  type Whitespace,
  writtenCharacter,
  writtenValue,
} from './json-text.ts';
import { numberGrammar } from './number-grammar.ts';
import { objectGrammar } from './object-grammar.ts';
import { keywordReader, type SchemaReader } from './schema-reader.ts';
import { SchemaReferences } from './schema-references.ts';

/**
 * The texts of JSON values that a schema accepts. Objects have the properties that the schema names, in its order, and
 * others only where `additionalProperties` says which.
 *
 * @throws {ConstraintError} naming the keyword, and where it is, that is unknown, malformed or not supported.
 */
export function schemaGrammar(root: unknown, whitespace: Whitespace): Grammar {
  const writer = new SchemaWriter(root as JsonSchema, whitespace); // what it is is checked where it is read
  return writer.grammarOf({ schema: root as JsonSchema, path: '' });
}

/** Each of them is compared with each. */
const MAX_ONE_OF = 100;

/** Writes the parts of one schema. */
export class SchemaWriter {
  readonly signs: Punctuation;
  readonly references: SchemaReferences;
  readonly #any: Grammar;
  readonly #rules = new Map<string, Grammar>();

  constructor(root: JsonSchema, whitespace: Whitespace) {
    this.references = new SchemaReferences(root);
    this.signs = punctuation(whitespace);
    this.#any = anyValue(this.signs);
  }

  /** The texts of the values that a part of the schema accepts; it is written once, wherever it is used. */
  ruleOf(part: PlacedSchema): Grammar {
    const known = this.#rules.get(part.path);
    if (known) return known;
    const made = rule(() => this.grammarOf(part));
    this.#rules.set(part.path, made);
    return made;
  }

  grammarOf({ schema, path }: PlacedSchema): Grammar {
    if (schema === true) return this.#any;
    if (schema === false) return nothing;
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
      throw new ConstraintError('a schema is an object, true or false.', { path });
    }
    const reader = keywordReader(schema, path);
    const types = typesOf(reader);
    const [selector, ...others] = selectors.filter((keyword) => keyword in schema);
    const beside = Object.keys(schema).find(
      (keyword) => !annotations.has(keyword) && !isAllowed(keyword, selector, types),
    );
    if (beside !== undefined) throw this.#refused(beside, { selector, types, path });
    if (others[0] !== undefined) throw reader.refuse(others[0], `is not supported beside ${selector}.`);
    if (selector) return this.#selected[selector](reader, types);
    return types ? choice(...types.map((type) => this.#typed[type](reader))) : this.#any;
  }

  readonly #selected: Readonly<
    Record<Selector, (reader: SchemaReader, types: readonly JsonType[] | undefined) => Grammar>
  > = {
    $ref: (reader) => {
      this.references.alternativesOf(reader.self); // ends, or is refused
      return this.ruleOf(this.references.resolve(reader));
    },
    anyOf: (reader) => {
      this.references.alternativesOf(reader.self);
      return choice(...reader.schemas('anyOf').map((each) => this.ruleOf(each)));
    },
    oneOf: (reader) => {
      const parts = reader.schemas('oneOf');
      const overlap = 'is not supported where a value may be of two of them; say anyOf.';
      const alternatives = parts.map((part) => this.references.alternativesOf(part));
      if (alternatives.flat().length > MAX_ONE_OF) {
        throw reader.refuse('oneOf', `has more than ${MAX_ONE_OF} alternatives; say anyOf.`);
      }
      for (const [at, some] of alternatives.entries()) {
        const others = alternatives.slice(at + 1).flat();
        if (!areDisjoint(some, others, this.references)) throw reader.refuse('oneOf', overlap);
      }
      return choice(...parts.map((each) => this.ruleOf(each)));
    },
    allOf: (reader) => {
      const [only, ...others] = reader.schemas('allOf');
      if (!only || others.length > 0) throw reader.refuse('allOf', 'is supported with one schema only.');
      this.references.alternativesOf(reader.self);
      return this.ruleOf(only);
    },
    enum: (reader, types) => choice(...reader.list('enum').map((value) => this.#written(reader, 'enum', value, types))),
    const: (reader, types) => this.#written(reader, 'const', reader.self.schema['const'], types),
  };

  readonly #typed: Readonly<Record<JsonType, (reader: SchemaReader) => Grammar>> = {
    object: (reader) => objectGrammar(reader, this),
    array: (reader) => this.#array(reader),
    string: (reader) => this.#string(reader),
    number: (reader) => numberGrammar(reader, false),
    integer: (reader) => numberGrammar(reader, true),
    boolean: () => choice(literal('true'), literal('false')),
    null: () => literal('null'),
  };

  #array(reader: SchemaReader): Grammar {
    const { comma, openArray, closeArray } = this.signs;
    const first = reader.has('prefixItems') ? reader.schemas('prefixItems').map((each) => this.ruleOf(each)) : [];
    const { min, max } = reader.limits('minItems', 'maxItems');
    const items = reader.has('items') ? reader.schema('items') : undefined;
    const most = items?.schema === false ? Math.min(max, first.length) : max;
    const others = items && items.schema !== false ? this.ruleOf(items) : this.#any;
    if (first.length === 0) return sequence(openArray, list(others, comma, min, most), closeArray);
    // From the end: what may follow the first `at` items, of which there is at least one.
    let rest = repeat(sequence(comma, others), Math.max(0, min - first.length), Math.max(0, most - first.length));
    for (let at = first.length - 1; at >= 0; at--) {
      const item = at === 0 ? first[at]! : sequence(comma, first[at]!);
      const filled = at < most ? sequence(item, rest) : nothing;
      const following = at < min ? filled : repeat(filled, 0, 1);
      rest = rule(() => following);
    }
    return sequence(openArray, rest, closeArray);
  }

  #string(reader: SchemaReader): Grammar {
    const { min, max } = reader.limits('minLength', 'maxLength');
    const isLimited = reader.has('minLength') || reader.has('maxLength');
    const [first, ...others] = (['pattern', 'format'] as const).filter((keyword) => reader.has(keyword));
    if (!first) return isLimited ? quoted(repeat(anyCharacter, min, max)) : anyString;
    if (isLimited || others.length > 0) {
      throw reader.refuse(first, `is not supported beside ${others[0] ?? 'minLength and maxLength'}.`);
    }
    const given = reader.text(first);
    const source = first === 'pattern' ? given : formats[given];
    if (source === undefined) {
      throw reader.refuse('format', `is ${given}, which is not one of ${Object.keys(formats).join(', ')}.`);
    }
    try {
      return quoted(patternGrammar(source, { isSearched: first === 'pattern', write: writtenCharacter }));
    } catch (error) {
      throw error instanceof ConstraintError ? reader.refuse(first, `is ${given}: ${error.problem}`) : error;
    }
  }

  #written(reader: SchemaReader, keyword: string, value: unknown, types: readonly JsonType[] | undefined): Grammar {
    if (types?.some((type) => isOfType(typeOf(value), type)) === false) {
      throw reader.refuse(keyword, `has a value that is no ${types.join(' or ')}.`);
    }
    return writtenValue(value, this.signs);
  }

  #refused(
    keyword: string,
    { selector, types, path }: { selector: Selector | undefined; types: readonly JsonType[] | undefined; path: string },
  ): ConstraintError {
    const isKnown = Object.values(keywordsOf).some((keywords: readonly string[]) => keywords.includes(keyword));
    const reason = !isKnown ? '' : selector ? ` beside ${selector}` : ` for ${types?.join(' or ')}`;
    return new ConstraintError(`'${keyword}' is not supported${reason}.`, { path, keyword });
  }
}

function isAllowed(keyword: string, selector: Selector | undefined, types: readonly JsonType[] | undefined): boolean {
  if (keyword === 'type') return selector === undefined || selector === 'enum' || selector === 'const';
  if ((selectors as readonly string[]).includes(keyword)) return true;
  if (selector) return false;
  return types?.some((type) => (keywordsOf[type] as readonly string[]).includes(keyword)) ?? false;
}

/** The types that a schema names, or those that its keywords are about; `undefined`: any. */
function typesOf(reader: SchemaReader): readonly JsonType[] | undefined {
  const { schema } = reader.self;
  if (!('type' in schema)) {
    const meant = jsonTypes.filter(
      (type) => type !== 'integer' && keywordsOf[type].some((keyword) => Object.hasOwn(schema, keyword)),
    );
    return meant.length > 0 ? meant : undefined;
  }
  const given: readonly unknown[] = Array.isArray(schema['type']) ? schema['type'] : [schema['type']];
  const types = jsonTypes.filter((type) => given.includes(type));
  if (types.length === 0 || types.length < new Set(given).size) {
    throw reader.refuse('type', `must be one or several of ${jsonTypes.join(', ')}.`);
  }
  return types;
}
