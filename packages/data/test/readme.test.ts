import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

test('the example of the README is the file that runs', async () => {
  const example = join(import.meta.dirname, '../examples/from-file-to-batch.ts');
  const readme = await readFile(join(import.meta.dirname, '../README.md'), 'utf8');
  expect(readme).toContain(await readFile(example, 'utf8'));

  const folder = await mkdtemp(join(tmpdir(), 'forge-data-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const { stdout } = await promisify(execFile)(process.execPath, [example], { cwd: folder });
  expect(stdout.replace(/\s+/g, ' ').trim()).toBe(
    "[ { number: 0, policyVersion: 0, question: 'What is 3 + 5?', reward: 1 } ]",
  );
});
