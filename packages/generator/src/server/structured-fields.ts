import * as z from 'zod';
import type { StructuredOutputs } from '../constraint/structured-outputs.ts';
import type { CallableTool } from '../constraint/tool-call-grammar.ts';
import { ApiError } from './api-error.ts';

const jsonSchema = z.union([z.record(z.string(), z.unknown()), z.boolean()]);

/** Fields of both kinds of request that say what an answer must be: OpenAI's, and those of vLLM, the older ones, too. */
export const structuredFields = {
  response_format: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('text') }),
      z.strictObject({ type: z.literal('json_object') }),
      z.strictObject({
        type: z.literal('json_schema'),
        json_schema: z.strictObject({
          name: z.string(),
          schema: jsonSchema,
          description: z.string().nullish(),
          strict: z.boolean().nullish(), // what is not strict is obeyed as well
        }),
      }),
    ])
    .nullish(),
  structured_outputs: z
    .strictObject({
      json: jsonSchema.nullish(),
      regex: z.string().nullish(),
      choice: z.array(z.string()).min(1).nullish(),
      json_object: z.literal(true).nullish(),
      disable_any_whitespace: z.boolean().nullish(),
    })
    .nullish(),
  guided_json: jsonSchema.nullish(),
  guided_regex: z.string().nullish(),
  guided_choice: z.array(z.string()).min(1).nullish(),
} as const;

type Fields = z.infer<z.ZodObject<typeof structuredFields>>;

/** A constraint of the answer, and the field that asks for it. */
export interface AskedConstraint {
  readonly outputs: StructuredOutputs;
  readonly param: string;
}

/** The constraint that a request asks for, if any. @throws {ApiError} when it asks for several */
export function constraintOf(fields: Fields, forcedCalls?: AskedConstraint): AskedConstraint | undefined {
  const { response_format, structured_outputs: outputs } = fields;
  const whitespace = outputs?.disable_any_whitespace === false ? 'any' : 'compact';
  const asked: readonly (AskedConstraint | undefined)[] = [
    forcedCalls,
    response_format?.type === 'json_object'
      ? { param: 'response_format', outputs: { jsonObject: true } }
      : response_format?.type === 'json_schema'
        ? { param: 'response_format', outputs: { json: response_format.json_schema.schema } }
        : undefined,
    given('structured_outputs', outputs?.json, (json) => ({ json, whitespace })),
    given('structured_outputs', outputs?.regex, (regex) => ({ regex })),
    given('structured_outputs', outputs?.choice, (choice) => ({ choice })),
    given('structured_outputs', outputs?.json_object, () => ({ jsonObject: true, whitespace })),
    given('guided_json', fields.guided_json, (json) => ({ json })),
    given('guided_regex', fields.guided_regex, (regex) => ({ regex })),
    given('guided_choice', fields.guided_choice, (choice) => ({ choice })),
  ];
  const [first, second] = asked.filter((each) => each !== undefined);
  if (outputs && !first)
    throw refusal('structured_outputs', 'names no constraint: json, regex, choice or json_object.');
  if (second) throw refusal(second.param, `cannot be obeyed: ${first!.param} constrains the answer already.`);
  return first;
}

function given<Value>(
  param: string,
  value: Value | null | undefined,
  outputs: (value: Value) => StructuredOutputs,
): AskedConstraint | undefined {
  return value === null || value === undefined ? undefined : { param, outputs: outputs(value) };
}

/** Which tools are called: none, those that the model chooses, one at least, or a certain one. */
export const toolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.strictObject({ type: z.literal('function'), function: z.strictObject({ name: z.string() }) }),
]);

const callable = z.looseObject({
  function: z.looseObject({ name: z.string().min(1), parameters: jsonSchema.nullish() }),
});

/** The calls that `tool_choice` forces, if it does. @throws {ApiError} when there is no such tool */
export function forcedCalls(
  tools: readonly object[],
  choice: z.infer<typeof toolChoice> | null | undefined,
  isParallel: boolean,
): AskedConstraint | undefined {
  if (choice === undefined || choice === null || choice === 'none' || choice === 'auto') return undefined;
  const known = tools.map((tool, at): CallableTool => {
    const parsed = callable.safeParse(tool);
    if (!parsed.success) throw refusal(`tools.${at}`, `cannot be forced: ${parsed.error.issues[0]?.message}.`);
    const { name, parameters } = parsed.data.function;
    return { name, ...(parameters !== undefined && parameters !== null && { parameters }) };
  });
  const wanted = choice === 'required' ? known : known.filter(({ name }) => name === choice.function.name);
  if (wanted.length === 0) throw refusal('tool_choice', 'asks for a call, and there is no such tool.');
  const isOne = choice !== 'required' || !isParallel;
  // Chat templates write calls as Python's `json.dumps` does.
  const outputs = { toolCalls: wanted, whitespace: 'spaced', ...(isOne && { maxCalls: 1 }) } as const;
  return { param: choice === 'required' ? 'tools' : 'tool_choice', outputs };
}

function refusal(param: string, problem: string): ApiError {
  return new ApiError(400, 'invalid_value', `'${param}' ${problem}`, { param });
}
