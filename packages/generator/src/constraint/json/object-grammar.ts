import { choice, empty, type Grammar, literal, repeat, rule, sequence } from '../grammar.ts';
import { type PlacedSchema, placed } from './json-schema.ts';
import { anyString, anyStringBut, list } from './json-text.ts';
import type { SchemaWriter } from './schema-grammar.ts';
import type { SchemaReader } from './schema-reader.ts';

/** A property, whose text is its name, a colon and its value. */
interface Member {
  readonly grammar: Grammar;
  readonly isRequired: boolean;
}

/** Objects with named properties in the order of the schema, then others, if the schema says that there may be some. */
export function objectGrammar(reader: SchemaReader, writer: SchemaWriter): Grammar {
  const { comma, colon, openObject, closeObject } = writer.signs;
  const named = reader.members('properties');
  const required = reader.has('required') ? requiredOf(reader) : [];
  const others = reader.has('additionalProperties') ? reader.schema('additionalProperties') : undefined;
  const known = new Set(named.map(({ name }) => name));
  const unnamed = required.filter((name) => !known.has(name));
  if (unnamed.length > 0 && others?.schema === false) {
    throw reader.refuse('required', `asks for ${unnamed[0]}, which additionalProperties forbids.`);
  }
  const any: PlacedSchema = others ?? { schema: true, path: placed(reader.self.path, 'additionalProperties') };
  const members = [...named, ...unnamed.map((name) => ({ name, ...any }))].map(
    ({ name, ...part }): Member => ({
      grammar: rule(() => sequence(literal(JSON.stringify(name)), colon, writer.ruleOf(part))),
      isRequired: required.includes(name),
    }),
  );
  const extra = extraOf(reader, writer, [...known, ...unnamed]);
  return sequence(openObject, membersGrammar(members, extra, comma), closeObject);
}

/** A property that is not named, if there may be any. */
function extraOf(reader: SchemaReader, writer: SchemaWriter, names: readonly string[]): Grammar | undefined {
  const isOpen = reader.has('additionalProperties') && reader.self.schema['additionalProperties'] !== false;
  if (reader.has('propertyNames') && (!isOpen || names.length > 0)) {
    throw reader.refuse('propertyNames', 'is supported only beside additionalProperties, without named properties.');
  }
  if (!isOpen) return undefined;
  const name = reader.has('propertyNames') ? propertyName(reader, writer) : anyStringBut(names);
  const value = writer.ruleOf(reader.schema('additionalProperties'));
  return rule(() => sequence(name, writer.signs.colon, value));
}

function propertyName(reader: SchemaReader, writer: SchemaWriter): Grammar {
  const part = reader.schema('propertyNames');
  const { schema } = part;
  if (schema === true) return anyString;
  const isOfText = typeof schema === 'object' && (schema['type'] === 'string' || schema['type'] === undefined);
  const said = typeof schema === 'object' ? Object.keys(schema).filter((keyword) => keyword !== 'type') : [];
  if (!isOfText) throw reader.refuse('propertyNames', 'must be a schema of strings.');
  if (said.length === 0) return anyString;
  return writer.grammarOf({ ...part, schema: { ...schema, type: 'string' } });
}

/**
 * Members in order, each of which may be left out unless it is required. What may follow a member is written once: as it
 * is when something came before, and as it is when nothing did.
 */
function membersGrammar(members: readonly Member[], extra: Grammar | undefined, comma: Grammar): Grammar {
  const endless = Number.POSITIVE_INFINITY;
  let first: Grammar = extra ? list(extra, comma, 0, endless) : empty;
  let later: Grammar = extra ? repeat(sequence(comma, extra), 0, endless) : empty;
  for (const { grammar, isRequired } of members.toReversed()) {
    const [afterFirst, afterLater] = [first, later];
    const begun = sequence(grammar, afterLater);
    const added = sequence(comma, grammar, afterLater);
    first = rule(() => (isRequired ? begun : choice(begun, afterFirst)));
    later = rule(() => (isRequired ? added : choice(added, afterLater)));
  }
  return first;
}

function requiredOf(reader: SchemaReader): readonly string[] {
  const given = reader.self.schema['required'];
  if (!Array.isArray(given) || !given.every((name) => typeof name === 'string')) {
    throw reader.refuse('required', 'must be a list of names.');
  }
  return given;
}
