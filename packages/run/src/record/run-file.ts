import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { differencesOf, type Surroundings } from './surroundings.ts';

/** `run.json`: on what a run was made, and every time that it went on. */
export interface RunFile {
  readonly sessions: readonly RunSession[];
}

export interface RunSession extends Surroundings {
  /** ISO 8601. */
  readonly started: string;
  /** The arguments of the program. */
  readonly args: readonly string[];
  readonly seed: number;
}

/**
 * Adds a session to the `run.json` of a run folder; one that begins has the file to itself.
 *
 * @returns how what it runs on differs from the session before, in sentences.
 */
export function recordSession(
  folder: string,
  session: RunSession,
  { isResumed }: { readonly isResumed: boolean },
): readonly string[] {
  const file = path.join(folder, 'run.json');
  const before = isResumed ? sessionsOf(file) : [];
  const run: RunFile = { sessions: [...before, session] };
  writeFileSync(file, `${JSON.stringify(run, undefined, 2)}\n`);
  const last = before.at(-1);
  return last === undefined ? [] : differencesOf(last, session);
}

function sessionsOf(file: string): readonly RunSession[] {
  if (!existsSync(file)) return [];
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as RunFile).sessions;
  } catch {
    return []; // damaged: the run goes on all the same, and writes a new one
  }
}
