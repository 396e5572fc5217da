import type { z } from 'zod';
import { allowedValues } from './allowed-values.ts';
import { type JsonSchema, schemaAt, settingKeys } from './setting-keys.ts';
import { nearestKeys, nearestNames } from './suggestion.ts';

/** What is wrong with a key. */
export interface SettingProblem {
  /** The key, as a path. */
  readonly path: readonly string[];
  /** A sentence that begins with the key. */
  readonly sentence: string;
}

/** What zod finds wrong with settings, in sentences: key, what was given, what is allowed. */
export function settingProblems(
  issues: readonly z.core.$ZodIssue[],
  schema: JsonSchema,
  settings: unknown,
): readonly SettingProblem[] {
  return issues.flatMap((issue) => problemsOf(issue, [], schema, settings));
}

function problemsOf(
  issue: z.core.$ZodIssue,
  parent: readonly PropertyKey[],
  schema: JsonSchema,
  settings: unknown,
): readonly SettingProblem[] {
  const path = [...parent, ...issue.path];
  const given = path.reduce(
    (value: unknown, key) => (value instanceof Object ? Reflect.get(value, key) : undefined),
    settings,
  );
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key], schema));
  if (issue.code === 'invalid_union' && given instanceof Object) {
    // The alternative that was meant is the one with the least wrong.
    const [meant] = issue.errors.toSorted((a, b) => a.length - b.length);
    if (meant !== undefined) return meant.flatMap((each) => problemsOf(each, path, schema, settings));
  }
  return [wrongValue(issue, path, given, schemaAt(schema, path))];
}

function unknownKey(path: readonly PropertyKey[], schema: JsonSchema): SettingProblem {
  const key = nameOf(path);
  const near = nearestKeys(
    key,
    settingKeys(schema).map((each) => each.key),
  );
  const section = path.slice(0, -1);
  const sections = nearestNames(key, Object.keys(schema.properties ?? {}));
  const meant = near.length > 0 ? near : section.length === 0 ? sections : [];
  const there = Object.keys(schemaAt(schema, section)?.properties ?? {});
  const hint =
    meant.length > 0
      ? `did you mean ${meant.slice(0, 3).join(' or ')}?`
      : `${section.length > 0 ? nameOf(section) : 'the file'} has ${there.join(', ')}.`;
  return { path: path.map(String), sentence: `${key} is not a key; ${hint}` };
}

function wrongValue(
  issue: z.core.$ZodIssue,
  path: readonly PropertyKey[],
  given: unknown,
  schema: JsonSchema | undefined,
): SettingProblem {
  const key = nameOf(path);
  const told = (text: string) => ({ path: path.map(String), sentence: `${key} ${text}` });
  if (issue.code === 'custom') return told(`is not accepted: ${issue.message.replace(/\.$/, '')}.`);
  const shown = `got ${JSON.stringify(given) ?? 'nothing'}`;
  if (issue.code === 'invalid_format') return told(`${issue.message}, ${shown}.`);
  const [near] = typeof given === 'string' ? nearestNames(given, (schema?.enum ?? []).map(String)) : [];
  const hint = near === undefined ? '.' : `; did you mean ${near}?`;
  return told(`must be ${schema === undefined ? 'another value' : allowedValues(schema)}, ${shown}${hint}`);
}

const nameOf = (path: readonly PropertyKey[]) => path.join('.') || 'the file';
