import { readFile } from 'node:fs/promises';
import { type Document, isNode, LineCounter, parse, parseDocument } from 'yaml';
import type { z } from 'zod';
import { SettingsError } from './settings-error.ts';

/** What the command line says. */
export interface Arguments {
  /** A YAML file. */
  readonly config: string;
  /** `a.b=c`, in order. */
  readonly overrides: readonly string[];
}

/**
 * The settings of a YAML file with overrides applied, checked by a zod schema.
 *
 * @throws {SettingsError} naming the file and line, or the override, of every key that is wrong.
 */
export async function loadSettings<Settings>(
  schema: z.ZodType<Settings>,
  { config: path, overrides }: Arguments,
): Promise<Settings> {
  const lines = new LineCounter();
  const document = parseDocument(await textOf(path), { lineCounter: lines });
  for (const { message } of document.errors) throw new SettingsError([`${path}: ${message}`]);
  const given = new Map<string, string>();
  for (const override of overrides) given.set(applyOverride(document, override), override);
  const settings: unknown = document.toJS() ?? {};
  const result = schema.safeParse(settings);
  if (result.success) return result.data;
  throw new SettingsError(
    result.error.issues.map((issue) => {
      const keys = keysOf(issue);
      return `${placeOf(document, lines, path, given, keys)}: ${keys.join('.') || 'the file'} ${problemOf(issue, settings)}`;
    }),
  );
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new SettingsError([`${path}: the file cannot be read (${(cause as NodeJS.ErrnoException).code}).`]);
  }
}

/** Sets the key in the document; the dotted key. */
function applyOverride(document: Document, override: string): string {
  const [, key, value] = /^([\w.]+)=(.*)$/s.exec(override) ?? [];
  if (key === undefined || value === undefined) {
    throw new SettingsError([`override "${override}": expected <key>.<key>=<value>, such as grpo.steps=50.`]);
  }
  const keys = key.split('.');
  for (let depth = 1; depth < keys.length; depth++) {
    const parent = keys.slice(0, depth);
    // A key such as `run:` without a value is null; setting below it needs a map.
    if (document.getIn(parent) === null) document.setIn(parent, document.createNode({}));
  }
  try {
    document.setIn(keys, parse(value));
  } catch (cause) {
    throw new SettingsError([`override "${override}": ${(cause as Error).message}`]);
  }
  return key;
}

function keysOf(issue: z.core.$ZodIssue): readonly string[] {
  const path = issue.path.map(String);
  return issue.code === 'unrecognized_keys' ? [...path, issue.keys[0]!] : path;
}

function placeOf(
  document: Document,
  lines: LineCounter,
  path: string,
  given: ReadonlyMap<string, string>,
  keys: readonly string[],
): string {
  for (let depth = keys.length; depth > 0; depth--) {
    // What was given for a key was given for all below it.
    const override = given.get(keys.slice(0, depth).join('.'));
    if (override !== undefined) return `override "${override}"`;
  }
  for (let depth = keys.length; depth > 0; depth--) {
    const node = document.getIn(keys.slice(0, depth), true);
    if (isNode(node) && node.range) return `${path}:${lines.linePos(node.range[0]).line}`;
  }
  return path;
}

function problemOf(issue: z.core.$ZodIssue, settings: unknown): string {
  if (issue.code === 'unrecognized_keys') return 'is not a key that exists here.';
  if (issue.code === 'invalid_type')
    return `must be ${article(issue.expected)}, got ${JSON.stringify(valueAt(settings, issue.path)) ?? 'nothing'}.`;
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.join(', ')}.`;
  return `is not accepted: ${issue.message}.`;
}

function valueAt(settings: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce(
    (value: unknown, key) => (value instanceof Object ? Reflect.get(value, key) : undefined),
    settings,
  );
}

function article(noun: string): string {
  return /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`;
}
