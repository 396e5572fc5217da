import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { makeModelFolder } from '../model-folder.ts';

test('the examples of the README run as they stand, on a model made here', async () => {
  await using folder = await makeModelFolder();
  const root = join(import.meta.dirname, '..', '..');
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const run = async (example: string) => {
    const program = example.replace('Qwen3-0.6B', folder.path);
    const flags = ['--input-type=module-typescript', '--no-warnings', '--eval', program];
    const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd: root });
    return stdout;
  };
  const [withActor, inTurns, structured, withEngine] = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(
    ([, example]) => example!,
  );
  const printed = await run(`${withActor!}\n${inTurns!}`);
  expect(printed.match(/^\[(length|stop)\] /gm)).toHaveLength(4);
  const [, numPrompt, numTokens, numMasked, numScored] = /(\d+) (\d+) (\d+) (\d+)\n$/.exec(printed)!.map(Number);
  expect(numPrompt).toBeGreaterThan(0);
  expect(new Set([numTokens, numMasked, numScored]).size).toBe(1);
  expect(await run(`${withActor!}\n${structured!}`)).toMatch(/\n(\{ name: .*\}|cut off)\n$/s);
  expect((await run(withEngine!)).length).toBeGreaterThan(1);
});
