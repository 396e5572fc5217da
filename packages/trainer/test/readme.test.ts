import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const read = (path: string): Promise<string> => readFile(new URL(path, import.meta.url), 'utf8');

test('the example of the README is the file that runs', async () => {
  expect(await read('../README.md')).toContain((await read('../examples/train.ts')).trim());
  const { stdout } = await promisify(execFile)(process.execPath, [
    fileURLToPath(new URL('../examples/train.ts', import.meta.url)),
  ]);
  expect(stdout).toMatch(/gradNorm: 1\.\d/);
});
