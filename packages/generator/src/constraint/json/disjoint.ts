import { isOfType, type JsonType, jsonTypes, type PlacedSchema, typeOf } from './json-schema.ts';
import type { SchemaReferences } from './schema-references.ts';

/** Whether no value is of an alternative of both lists, as far as types, constants and constant properties tell. */
export function areDisjoint(
  some: readonly PlacedSchema[],
  others: readonly PlacedSchema[],
  references: SchemaReferences,
): boolean {
  return everyPair(some, others, (a, b) => {
    if (areApart(a, b)) return true;
    if (!isOnlyObject(a) && !isOnlyObject(b)) return false;
    const mine = membersOf(a);
    return [...membersOf(b)].some(([name, theirs]) => {
      const member = mine.get(name);
      return member && everyPair(references.alternativesOf(member), references.alternativesOf(theirs), areApart);
    });
  });
}

function everyPair(
  some: readonly PlacedSchema[],
  others: readonly PlacedSchema[],
  holds: (a: PlacedSchema, b: PlacedSchema) => boolean,
): boolean {
  return some.every((a) => others.every((b) => holds(a, b)));
}

/** Whether types or constants tell two schemas apart. */
function areApart(a: PlacedSchema, b: PlacedSchema): boolean {
  const [types, otherTypes] = [typesOf(a), typesOf(b)];
  const overlap = types.some((type) => otherTypes.some((other) => isOfType(type, other) || isOfType(other, type)));
  if (!overlap) return true;
  const [values, otherValues] = [constantsOf(a), constantsOf(b)];
  return values !== undefined && otherValues !== undefined && values.isDisjointFrom(otherValues);
}

/** Those that a schema names; all types where it does not. */
function typesOf({ schema }: PlacedSchema): readonly JsonType[] {
  if (schema === false) return [];
  if (schema === true) return jsonTypes;
  const values = valuesOf(schema);
  if (values) return jsonTypes.filter((type) => values.some((value) => typeOf(value) === type));
  const given: readonly unknown[] = [schema['type'] ?? jsonTypes].flat();
  return jsonTypes.filter((type) => given.includes(type));
}

function isOnlyObject({ schema }: PlacedSchema): boolean {
  return (
    typeof schema === 'object' &&
    (schema['type'] === 'object' || 'properties' in schema) &&
    !Array.isArray(schema['type'])
  );
}

function constantsOf({ schema }: PlacedSchema): ReadonlySet<string> | undefined {
  const values = typeof schema === 'object' ? valuesOf(schema) : undefined;
  return values && new Set(values.map((value) => JSON.stringify(value)));
}

function valuesOf(schema: Readonly<Record<string, unknown>>): readonly unknown[] | undefined {
  if ('const' in schema) return [schema['const']];
  return Array.isArray(schema['enum']) ? schema['enum'] : undefined;
}

/** The properties that every object of a schema has. */
function membersOf({ schema, path }: PlacedSchema): ReadonlyMap<string, PlacedSchema> {
  if (typeof schema !== 'object') return new Map();
  const { properties, required } = schema;
  if (typeof properties !== 'object' || properties === null || !Array.isArray(required)) return new Map();
  const entries = Object.entries(properties).filter(([name]) => required.includes(name));
  return new Map(entries.map(([name, part]) => [name, { schema: part, path: `${path}/properties/${name}` }]));
}
