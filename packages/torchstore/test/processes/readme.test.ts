import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const examples = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/```ts\n(.*?)```/gs)].map(
  ([, example]) => example!, // the pattern has a group
);
let folder: string;

beforeAll(() => {
  const parent = join(root, '.vitest'); // below the package, whose dependencies the examples use
  mkdirSync(parent, { recursive: true });
  folder = mkdtempSync(join(parent, 'readme-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Runs an example as a program of its own; returns the lines that it prints. */
async function run(name: string, example: string | undefined): Promise<string[]> {
  const path = join(folder, name);
  writeFileSync(path, example ?? '');
  const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', path], { cwd: root });
  return stdout.trimEnd().split('\n');
}

test('the first example of the README prints what it says', async () => {
  expect(await run('first.ts', examples[0])).toEqual([
    '[ 8, 4 ]',
    "[ 'weight', 'policy_ver_0000000007.layers.0.weight' ]",
  ]);
});

test('the example of two processes runs in two processes', async () => {
  const [reader, main] = [
    examples.find((each) => each.startsWith('// reader.ts')),
    examples.find((each) => each.startsWith('// main.ts')),
  ];
  writeFileSync(join(folder, 'reader.ts'), reader ?? '');
  const [put, got] = await run('main.ts', main);
  const pidIn = (line = '') => /^process (\d+)/.exec(line)?.[1];
  expect(put).toMatch(/^process \d+ put it$/);
  expect(got).toMatch(/^process \d+: 7$/);
  expect(pidIn(got)).not.toBe(pidIn(put));
});

test('the example of published memory runs after the first', async () => {
  const published = examples.find((each) => each.includes('allocate('));
  const lines = await run(
    'published.ts',
    `${examples[0]}${published}\nconsole.log((await store.stat('policy.weight'))?.version);`,
  );
  expect(lines.at(-1)).toBe('3');
});
