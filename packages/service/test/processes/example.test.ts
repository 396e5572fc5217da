import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('the example prints what the README says, and its program ends', async () => {
  const main = fileURLToPath(new URL('../../examples/main.ts', import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [main]);
  expect(stderr).toBe('');
  expect(stdout).toBe('5 1\n[ 15, 11 ]\n16 17\n');
});
