// What a release needs beyond the tests: no dead files or exports, and packages that install and resolve for their users.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const bin = (name) => path.join(root, 'node_modules', '.bin', name);
const run = (title, name, args, cwd = root) => {
  console.log(`\n── ${title}`);
  return { title, ok: spawnSync(bin(name), args, { cwd, stdio: 'inherit' }).status === 0 };
};

const results = [run('dead files, exports and dependencies', 'knip', [])];
for (const name of readdirSync(path.join(root, 'packages'))) {
  const folder = path.join(root, 'packages', name);
  results.push(run(`${name}: publint`, 'publint', ['--strict', '--pack', 'pnpm'], folder));
  results.push(run(`${name}: attw`, 'attw', ['--pack', '.', '--profile', 'esm-only'], folder));
}
const failed = results.filter(({ ok }) => !ok);
console.log(failed.length === 0 ? '\nAll checks passed.' : `\nFailed: ${failed.map(({ title }) => title).join('; ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
