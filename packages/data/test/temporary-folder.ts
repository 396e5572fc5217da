import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** An empty folder that is removed when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'forge-data-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A file of that name with this content, in a folder of its own. */
export function fileOf(name: string, content: string | Uint8Array | readonly string[]): string {
  const file = join(temporaryFolder(), name);
  writeFileSync(file, Array.isArray(content) ? content.join('\n') : (content as string | Uint8Array));
  return file;
}

/** Where the files that pyarrow wrote lie. */
export const golden = (name: string): string => join(import.meta.dirname, 'golden', name);

/** A GSM8K record whose result is this number. */
export const gsm8k = (target: number): string =>
  JSON.stringify({ question: `q${target}`, answer: `so it is\n#### ${target}` });

/** All that an iterable gives. */
export async function all<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const given: Item[] = [];
  for await (const item of items) given.push(item);
  return given;
}
