import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ArgumentIssue } from '../errors.ts';

/** The schema of the only argument of an endpoint, or one for each argument; of any library that speaks Standard Schema. */
export type Schemas = StandardSchemaV1 | readonly StandardSchemaV1[];

/** What callers pass to an endpoint with these schemas. */
export type ArgumentsIn<S extends Schemas> = S extends StandardSchemaV1
  ? [StandardSchemaV1.InferInput<S>]
  : { -readonly [K in keyof S]: S[K] extends StandardSchemaV1 ? StandardSchemaV1.InferInput<S[K]> : never };

/** What the method of an endpoint with these schemas gets: the arguments as the schemas made them. */
export type ArgumentsOut<S extends Schemas> = S extends StandardSchemaV1
  ? [StandardSchemaV1.InferOutput<S>]
  : { -readonly [K in keyof S]: S[K] extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<S[K]> : never };

/** Whether the first argument of `endpoint` is schemas. A schema may be a function, as a method is. */
export function areSchemas(value: object): value is Schemas {
  return Array.isArray(value) ? value.every(areSchemas) : '~standard' in value;
}

/** Runs schemas over arguments: the arguments that they made, or what is wrong. */
export async function validate(
  schemas: readonly StandardSchemaV1[],
  args: readonly unknown[],
): Promise<{ readonly args: readonly unknown[] } | { readonly issues: readonly ArgumentIssue[] }> {
  if (args.length > schemas.length) {
    const message = `there are ${args.length} arguments, and only ${schemas.length} are taken.`;
    return { issues: [{ message, path: [schemas.length] }] };
  }
  const made: unknown[] = [];
  const issues: ArgumentIssue[] = [];
  for (const [i, schema] of schemas.entries()) {
    const result = await schema['~standard'].validate(args[i]);
    if (result.issues === undefined) made.push(result.value);
    else issues.push(...result.issues.map((issue) => ({ message: issue.message, path: [i, ...pathOf(issue)] })));
  }
  return issues.length === 0 ? { args: made } : { issues };
}

function pathOf({ path = [] }: StandardSchemaV1.Issue): (string | number)[] {
  return path.map((step) => {
    const key = typeof step === 'object' ? step.key : step;
    return typeof key === 'number' ? key : String(key);
  });
}
