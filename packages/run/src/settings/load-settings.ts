import { readFile } from 'node:fs/promises';
import { type Document, isNode, LineCounter, parse, parseDocument } from 'yaml';
import type { z } from 'zod';
import { jsonSchemaOf } from './setting-keys.ts';
import { settingProblems } from './setting-problems.ts';
import { SettingsError } from './settings-error.ts';

/** Where settings come from. */
export interface SettingsSource {
  /** A YAML file. @default none; what no override sets has its default */
  readonly config?: string | undefined;
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
  { config, overrides }: SettingsSource,
): Promise<Settings> {
  const path = config ?? 'the command line';
  const lines = new LineCounter();
  const document = parseDocument(config === undefined ? '' : await textOf(config), { lineCounter: lines });
  if (document.errors.length > 0) throw new SettingsError(document.errors.map(({ message }) => `${path}: ${message}`));
  /** The override that set a key. */
  const given = new Map<string, string>();
  const problems = overrides.flatMap((override) => {
    const outcome = applyOverride(document, override);
    if ('key' in outcome) given.set(outcome.key, override);
    return 'problem' in outcome ? [`override "${override}": ${outcome.problem}`] : [];
  });
  const settings: unknown = document.toJS() ?? {};
  const result = schema.safeParse(settings);
  if (result.success && problems.length === 0) return result.data;
  const found = settingProblems(result.error?.issues ?? [], jsonSchemaOf(schema), settings).map(
    (problem) => `${placeOf(document, lines, path, given, problem.path)}: ${problem.sentence}`,
  );
  throw new SettingsError([...problems, ...found]);
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new SettingsError([`${path}: the file cannot be read (${(cause as NodeJS.ErrnoException).code}).`]);
  }
}

/** Sets the key in the document; the dotted key, or why it cannot be set. */
function applyOverride(document: Document, override: string): { readonly key: string } | { readonly problem: string } {
  const [, key, value] = /^([\w.-]+)=(.*)$/s.exec(override) ?? [];
  if (key === undefined || value === undefined) {
    return { problem: 'expected <key>.<key>=<value>, such as grpo.steps=50.' };
  }
  const keys = key.split('.');
  for (let depth = 1; depth < keys.length; depth++) {
    const parent = keys.slice(0, depth);
    // A key such as `run:` without a value is null; setting below it needs a map.
    if (document.getIn(parent) === null) document.setIn(parent, document.createNode({}));
  }
  try {
    document.setIn(keys, parse(value));
    return { key };
  } catch (cause) {
    return { problem: (cause as Error).message };
  }
}

/** Where a key was given: an override, a line of the file, or the file as a whole. */
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
  // A section that does not exist was made by what was given for a key in it.
  const inside = [...given].find(([key]) => key.startsWith(`${keys.join('.')}.`));
  if (inside !== undefined && keys.length > 0) return `override "${inside[1]}"`;
  for (let depth = keys.length; depth > 0; depth--) {
    const node = document.getIn(keys.slice(0, depth), true);
    if (isNode(node) && node.range) return `${path}:${lines.linePos(node.range[0]).line}`;
  }
  return path;
}
