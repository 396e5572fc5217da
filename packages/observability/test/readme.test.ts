import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

test('the example of the README is the file that runs, and prints what the README says', async () => {
  const example = join(import.meta.dirname, '../examples/two-workers.ts');
  const readme = await readFile(join(import.meta.dirname, '../README.md'), 'utf8');
  expect(readme).toContain(await readFile(example, 'utf8'));

  const folder = await mkdtemp(join(tmpdir(), 'forge-observability-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const { stdout } = await promisify(execFile)(process.execPath, [example], { cwd: folder });
  expect(stdout).toBe('step 1\n  phase: grpo\n  work/ms: 6\n');
  expect(readme).toContain(stdout);
  const file = await readFile(join(folder, 'runs/first/metrics.jsonl'), 'utf8');
  expect(readme).toContain(`\`${file.trim()}\``);
});
