import { z } from 'zod';

/** The part of JSON Schema that zod writes for settings. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema | boolean;
  readonly prefixItems?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

/** One key that settings may have. */
export interface SettingKey {
  /** `grpo.steps`. */
  readonly key: string;
  /** `undefined` when there is none. */
  readonly default: unknown;
  /** What the schema says of it by `describe`; empty when it says nothing. */
  readonly meaning: string;
  readonly schema: JsonSchema;
}

/** A schema as data. What JSON Schema cannot say, such as a transformation, is left out. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  // zod's type of it allows for more than it writes.
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as JsonSchema;
}

/** Every key of a schema that takes a value, in its order. */
export function settingKeys(schema: JsonSchema, parent = ''): readonly SettingKey[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, each]) => {
    const key = parent === '' ? name : `${parent}.${name}`;
    if (each.properties !== undefined) return settingKeys(each, key);
    return [{ key, default: each.default, meaning: each.description ?? '', schema: each }];
  });
}

/** The schema of what stands at a path; a list takes any number. Of alternatives the first that has the path. */
export function schemaAt(schema: JsonSchema, path: readonly PropertyKey[]): JsonSchema | undefined {
  const [first, ...rest] = path;
  if (first === undefined) return schema;
  for (const way of schema.anyOf ?? schema.oneOf ?? [schema]) {
    const item = typeof way.items === 'object' ? way.items : undefined;
    const next = typeof first === 'number' ? (way.prefixItems?.[first] ?? item) : way.properties?.[String(first)];
    const found = next === undefined ? undefined : schemaAt(next, rest);
    if (found !== undefined) return found;
  }
  return undefined;
}
