import type * as z from 'zod';
import { ApiError } from './api-error.ts';

/** A body that a schema accepts. @throws {ApiError} naming the first field that it does not */
export function parseRequest<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  if (unknown !== undefined) {
    throw new ApiError(400, 'unknown_parameter', `Unknown parameter: '${unknown}'. Leave it out.`, { param: unknown });
  }
  const param = issue?.path.join('.') ?? '';
  throw new ApiError(400, 'invalid_value', `'${param}' cannot be obeyed: ${issue?.message}.`, { param });
}
