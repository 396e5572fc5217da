import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { print } from './print.ts';

/*
 * What a program holds more of after 100,000 calls, 200 meshes and 200 processes that came and went. Half as many went
 * before, and are the control: what a leak would cost once again.
 */
const [CALLS, MESHES, PROCESSES] = ['100000', '200', '200'];

const directory = mkdtempSync(join(tmpdir(), 'soak-'));
try {
  const path = fileURLToPath(new URL('../test/fixtures/programs/soak.ts', import.meta.url));
  const env = { ...process.env, TMPDIR: directory };
  const output = execFileSync(process.execPath, [path, CALLS, MESHES, PROCESSES], { env, encoding: 'utf8' });
  const { before, after } = JSON.parse(output.slice(output.indexOf('{')));
  print('heap and external memory after a soak', after.bytes, 'bytes', before.bytes);
  for (const held of ['files', 'children', 'temporary'] as const) {
    print(`${held} after a soak`, after[held], 'count', before[held]);
  }
  const total = (resources: Record<string, number>) => Object.values(resources).reduce((sum, count) => sum + count, 0);
  print('timers and handles after a soak', total(after.resources), 'count', total(before.resources));
} finally {
  rmSync(directory, { recursive: true });
}
