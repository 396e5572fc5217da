import { dereference, type OutputUnit, type Schema, validate } from '@cfworker/json-schema';
import { ToolDefinitionError } from '../errors.ts';
import type { ParametersSchema } from './arguments.ts';

const TYPES: readonly string[] = ['string', 'number', 'integer', 'boolean', 'array', 'object', 'null'];
/** Keywords that fail because a part of the value does, which is told itself. */
const OUTER: readonly string[] = ['properties', 'patternProperties', 'additionalProperties', 'items', 'prefixItems'];

/**
 * Says of the arguments of a call what is wrong with them, if anything. Properties that a schema does not name are refused,
 * unless it says otherwise.
 *
 * @throws {ToolDefinitionError} when the schema is none.
 */
export function argumentCheck(tool: string, parameters: ParametersSchema): (given: unknown) => string | undefined {
  const schema = structuredClone({ additionalProperties: false, ...parameters }) as Schema; // what is wrong with it is found next
  const parts = partsOf(tool, schema);
  return (given) => {
    const { valid, errors } = validate(given, schema, '2020-12', parts, false);
    if (valid) return undefined;
    const told = errors.filter(({ keyword }) => !OUTER.includes(keyword));
    return told.map(messageOf).join('; ');
  };
}

/** The schemas within a schema, by their addresses. */
function partsOf(tool: string, schema: Schema): Record<string, Schema | boolean> {
  try {
    const parts = dereference(schema);
    for (const part of Object.values(parts)) if (typeof part === 'object') checkPart(part, parts);
    return parts;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ToolDefinitionError(tool, `its parameters are no JSON schema that can be checked (${reason})`, { cause });
  }
}

/** Finds what would be found only when a value comes to it, or never. */
function checkPart({ type = [], pattern, $ref, __absolute_ref__ }: Schema, parts: object): void {
  const unknown = [type].flat().find((each) => !TYPES.includes(each));
  if (unknown !== undefined) throw new TypeError(`there is no type ${unknown}`);
  if (pattern !== undefined) new RegExp(pattern, 'u');
  if (__absolute_ref__ !== undefined && !Object.hasOwn(parts, __absolute_ref__)) {
    throw new TypeError(`there is nothing at ${$ref}`);
  }
}

function messageOf({ instanceLocation, keyword, error }: OutputUnit): string {
  const place = instanceLocation.split('/').slice(1).join('.');
  // The schema of properties that are not named is `false`.
  const message = keyword === 'false' ? 'There is no such argument.' : error;
  return place === '' ? message : `${place}: ${message}`;
}
