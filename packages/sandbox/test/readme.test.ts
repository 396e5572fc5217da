import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('the example of the README is the file that runs', async () => {
  const example = join(import.meta.dirname, '../examples/score-code.ts');
  const readme = await readFile(join(import.meta.dirname, '../README.md'), 'utf8');
  expect(readme).toContain(await readFile(example, 'utf8'));
  expect((await promisify(execFile)(process.execPath, [example])).stdout).toBe('1\n');
});
