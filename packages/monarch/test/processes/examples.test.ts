import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** Examples of testing, with what they print. */
const EXAMPLES = {
  'inline-procs': /^\[ 3, 3 \]\n$/,
  'mock-actor': /^42\n$/,
  'manual-clock': /^half a minute later: 30000 ms\n60000\n$/,
  simulate: /^\[ true, true, false, false \] \[\] [0-9a-f]{16}\n$/,
};

test.each(Object.entries(EXAMPLES))('the example %s of the README runs, word for word', (name, expected) => {
  const path = fileURLToPath(new URL(`../../examples/${name}.ts`, import.meta.url));
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  expect(readme).toContain(readFileSync(path, 'utf8').split('\n').slice(1).join('\n').trim());
  const { status, stdout, stderr } = spawnSync(process.execPath, [path], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(expected);
});
