import type { Whitespace } from './json/json-text.ts';
import type { CallableTool } from './tool-call-grammar.ts';

/** What a completion must be. Names are vLLM's, but for `toolCalls`. */
export type StructuredOutputs =
  /** Matched as a whole by a regular expression of JavaScript; `flags`: of `i`, `s`. */
  | { readonly regex: string; readonly flags?: string }
  /** A value that a JSON schema accepts. */
  | { readonly json: unknown; readonly whitespace?: Whitespace }
  /** Any JSON object. */
  | { readonly jsonObject: true; readonly whitespace?: Whitespace }
  /** One of some texts. */
  | { readonly choice: readonly string[] }
  /** Calls of these tools, as `parseToolCalls` reads them: at least one, at most `maxCalls`. */
  | {
      readonly toolCalls: readonly CallableTool[];
      readonly maxCalls?: number;
      readonly whitespace?: Whitespace;
    };

const kinds = ['regex', 'json', 'jsonObject', 'choice', 'toolCalls'] as const;
type Kind = (typeof kinds)[number];
const options: Readonly<Record<Kind, readonly string[]>> = {
  regex: ['flags'],
  json: ['whitespace'],
  jsonObject: ['whitespace'],
  choice: [],
  toolCalls: ['maxCalls', 'whitespace'],
};

/** Whether a value has the fields of exactly one kind of constraint. */
export function isStructuredOutputs(value: unknown): value is StructuredOutputs {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const [kind, ...others] = kinds.filter((each) => each in value);
  if (kind === undefined || others.length > 0) return false;
  const given = value as Readonly<Record<string, unknown>>; // an object, checked above
  return (
    Object.keys(given).every((field) => field === kind || options[kind].includes(field)) &&
    isWellFormed[kind](given[kind]) &&
    (given['flags'] === undefined || typeof given['flags'] === 'string') &&
    (given['maxCalls'] === undefined || (Number.isSafeInteger(given['maxCalls']) && Number(given['maxCalls']) >= 1)) &&
    (given['whitespace'] === undefined || ['compact', 'spaced', 'any'].includes(String(given['whitespace'])))
  );
}

const isWellFormed: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  regex: (value) => typeof value === 'string',
  json: (value) => (typeof value === 'object' && value !== null && !Array.isArray(value)) || typeof value === 'boolean',
  jsonObject: (value) => value === true,
  choice: (value) => Array.isArray(value) && value.length > 0 && value.every((text) => typeof text === 'string'),
  toolCalls: (value) =>
    Array.isArray(value) && value.length > 0 && value.every((tool) => typeof Object(tool).name === 'string'),
};
