import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { DatasetError } from './errors.ts';

/** One record of a JSON-lines file, with the place it stands at. */
export interface JsonLine {
  readonly path: string;
  /** 1-based. */
  readonly line: number;
  readonly value: unknown;
}

/**
 * The records of a JSON-lines file, in order. Blank lines are skipped.
 *
 * @throws {DatasetError} when the file cannot be read or a line is not JSON, naming file and line.
 */
export async function* readJsonl(path: string): AsyncGenerator<JsonLine> {
  const stream = createReadStream(path, 'utf8');
  // An error event before the first read would otherwise be lost between the stream and the line reader.
  const opened = new Promise<void>((resolve, reject) => stream.once('open', () => resolve()).once('error', reject));
  try {
    await opened;
  } catch (cause) {
    throw new DatasetError(path, `the file cannot be read (${(cause as NodeJS.ErrnoException).code}).`, { cause });
  }
  let line = 0;
  for await (const text of createInterface({ input: stream, crlfDelay: Infinity })) {
    line += 1;
    if (text.trim() === '') continue;
    yield { path, line, value: parseLine(path, line, text) };
  }
}

function parseLine(path: string, line: number, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const start = text.length > 60 ? `${text.slice(0, 60)}…` : text;
    throw new DatasetError(path, `expected one JSON object a line, found: ${start}`, { line, cause });
  }
}
