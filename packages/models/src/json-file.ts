import { readFile } from 'node:fs/promises';
import { isRecord } from './config-fields.ts';
import { ModelFileError } from './errors.ts';

/** Reads a file of text; `undefined` when there is none. @throws {ModelFileError} when it cannot be read otherwise */
export async function readTextFile(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    // Node's file system rejects with errors that carry a code.
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new ModelFileError({ file, expected: 'a readable file', got: code ?? message, cause });
  }
}

/** Reads a file that holds one JSON object; `undefined` when there is none. @throws {ModelFileError} when malformed */
export async function readJsonFile(file: string): Promise<Record<string, unknown> | undefined> {
  const text = await readTextFile(file);
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new ModelFileError({ file, expected: 'JSON', got: (cause as SyntaxError).message, cause });
  }
  if (!isRecord(json)) throw new ModelFileError({ file, expected: 'a JSON object', got: 'other JSON' });
  return json;
}

/** Reads a file that must be there. @throws {ModelFileError} when it is missing or malformed */
export async function readRequiredJson(file: string): Promise<Record<string, unknown>> {
  const json = await readJsonFile(file);
  if (json === undefined) throw new ModelFileError({ file, expected: 'a JSON object', got: 'no such file' });
  return json;
}
