import type { JsonSchema } from './setting-keys.ts';

/** What a key takes, in words that follow "must be": `an integer from 1`, `one of cosine, linear`. */
export function allowedValues(schema: JsonSchema): string {
  const ways = schema.anyOf ?? schema.oneOf;
  if (ways !== undefined) return [...new Set(ways.map(allowedValues))].join(', or ');
  if (schema.enum !== undefined) return `one of ${schema.enum.join(', ')}`;
  if (schema.const !== undefined) return String(schema.const);
  switch (schema.type) {
    case 'integer':
    case 'number':
      return `${schema.type === 'integer' ? 'an integer' : 'a number'}${rangeOf(schema)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return 'a text';
    case 'array':
      return schema.prefixItems === undefined
        ? `a list${typeof schema.items === 'object' ? `, each ${allowedValues(schema.items)}` : ''}`
        : `[${schema.prefixItems.map(allowedValues).join('; ')}]`;
    case 'object':
      return schema.properties === undefined ? 'a map' : `a map of ${Object.keys(schema.properties).join(', ')}`;
    default:
      return 'another value';
  }
}

function rangeOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  const parts = [
    minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER && `from ${minimum}`,
    exclusiveMinimum !== undefined && `above ${exclusiveMinimum}`,
    maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER && `to ${maximum}`,
    exclusiveMaximum !== undefined && `below ${exclusiveMaximum}`,
  ];
  return parts
    .filter((part) => part !== false)
    .map((part) => ` ${part}`)
    .join('');
}
