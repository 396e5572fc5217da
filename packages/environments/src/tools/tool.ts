import { ToolDefinitionError } from '../errors.ts';
import { argumentCheck } from './argument-check.ts';
import type { ArgumentsOf, ParametersSchema } from './arguments.ts';

/** What a call knows beside its arguments. */
export interface ToolContext {
  /** Aborts when the call has taken too long, or nobody waits for it any more. */
  readonly signal: AbortSignal;
}

/** How a tool is made. */
export interface ToolDefinition<Schema extends ParametersSchema> {
  /** Letters, digits, `_` and `-`. */
  readonly name: string;
  /** What a model reads of it. */
  readonly description: string;
  /** What it is called with. */
  readonly parameters: Schema;
  /** How long one call may take. @default what the environment allows */
  readonly timeoutMs?: number;
  /** Its answer: a text as it is, anything else as JSON. What it throws is told to the model as `{"error": …}`. */
  call(given: ArgumentsOf<Schema>, context: ToolContext): unknown;
}

/** Something that a model may call. */
export interface Tool {
  readonly name: string;
  /** As chat templates and OpenAI's API take it. */
  readonly description: ToolDescription;
  /** How long one call may take; nothing where the environment says. */
  readonly timeoutMs: number | undefined;
  /** What is wrong with the arguments of a call, if anything. */
  check(given: unknown): string | undefined;
  /** Calls it with arguments that were checked. */
  call(given: Readonly<Record<string, unknown>>, context: ToolContext): unknown;
}

/** A tool as a model reads of it. */
export interface ToolDescription {
  readonly type: 'function';
  readonly function: {
    readonly name: string;
    readonly description: string;
    readonly parameters: ParametersSchema;
  };
}

/**
 * A tool whose arguments are checked against its JSON schema before each call, and typed by it.
 *
 * ```ts
 * const double = defineTool({
 *   name: 'double',
 *   description: 'Doubles a number.',
 *   parameters: { type: 'object', properties: { x: { type: 'number' } }, required: ['x'] },
 *   call: ({ x }) => 2 * x,
 * });
 * ```
 *
 * @throws {ToolDefinitionError} when the name or the schema cannot be used.
 */
export function defineTool<const Schema extends ParametersSchema>(definition: ToolDefinition<Schema>): Tool {
  const { name, description, parameters } = definition;
  if (!/^[\w-]{1,64}$/.test(name)) {
    throw new ToolDefinitionError(name, 'its name must be 1 to 64 letters, digits, "_" and "-"');
  }
  return {
    name,
    description: { type: 'function', function: { name, description, parameters } },
    timeoutMs: definition.timeoutMs,
    check: argumentCheck(name, parameters),
    call: (given, context) => definition.call(given as ArgumentsOf<Schema>, context), // as `check` has found
  };
}
