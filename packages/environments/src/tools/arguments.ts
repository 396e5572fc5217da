/** A JSON schema of the arguments of a tool: an object with named properties. */
export interface ParametersSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, PropertySchema>>;
  readonly required?: readonly string[];
  readonly [keyword: string]: unknown;
}

/** A JSON schema of one argument. */
export interface PropertySchema {
  readonly type?: 'string' | 'number' | 'integer' | 'boolean' | 'array' | 'object' | 'null';
  readonly description?: string;
  readonly [keyword: string]: unknown;
}

/** What a function is called with whose arguments obey a schema. */
export type ArgumentsOf<Schema extends ParametersSchema> = {
  readonly [Name in RequiredOf<Schema>]: ValueOf<Schema['properties'][Name]>;
} & {
  readonly [Name in Exclude<keyof Schema['properties'], RequiredOf<Schema>>]?: ValueOf<Schema['properties'][Name]>;
};

type RequiredOf<Schema extends ParametersSchema> = Schema extends { readonly required: readonly (infer Name)[] }
  ? Extract<Name, keyof Schema['properties']>
  : never;

type ValueOf<Schema> = Schema extends { readonly enum: readonly (infer Value)[] }
  ? Value
  : Schema extends { readonly type: infer Type extends keyof Values }
    ? Type extends 'array'
      ? Schema extends { readonly items: infer Items }
        ? readonly ValueOf<Items>[]
        : readonly unknown[]
      : Values[Type]
    : unknown;

interface Values {
  readonly string: string;
  readonly number: number;
  readonly integer: number;
  readonly boolean: boolean;
  readonly null: null;
  readonly array: readonly unknown[];
  readonly object: Readonly<Record<string, unknown>>;
}
