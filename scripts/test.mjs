// Every check of the repository: types, lint, and each package's tests through turbo. Ends with `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const bin = (name) => path.join(root, 'node_modules', '.bin', name);
const run = (name, args) => spawnSync(bin(name), args, { cwd: root, stdio: 'inherit' }).status === 0;

const folders = ['packages', 'apps']
  .flatMap((group) => readdirSync(path.join(root, group)).map((name) => path.join(root, group, name)))
  .filter((folder) => existsSync(path.join(folder, 'package.json')));
// A result of an earlier run must not be counted; turbo restores the file when it answers from its cache.
for (const folder of [root, ...folders]) rmSync(path.join(folder, '.vitest'), { recursive: true, force: true });

const checks = {
  lint: run('biome', ['check', '.']),
  workspace: run('vitest', ['run']),
  packages: run('turbo', [
    'run',
    'build',
    'typecheck',
    'test',
    '--continue',
    `--concurrency=${availableParallelism()}`,
    '--output-logs=new-only',
    ...process.argv.slice(2),
  ]),
};

/** Which tests failed, and why in one line: their output is far above by now. */
function printFailures(folder, { testResults }) {
  const name = path.relative(root, folder) || 'workspace';
  for (const { name: file, status, message, assertionResults } of testResults) {
    const failures = assertionResults.filter((test) => test.status === 'failed');
    if (failures.length === 0 && status === 'failed')
      console.error(`${name}: ${path.relative(folder, file)}: ${message}`);
    for (const { fullName, failureMessages } of failures) {
      console.error(`${name}: ${path.relative(folder, file)}: ${fullName}: ${failureMessages[0]?.split('\n')[0]}`);
    }
  }
}

let passed = 0;
let failed = 0;
for (const folder of [root, ...folders]) {
  const file = path.join(folder, '.vitest', 'results.json');
  if (!existsSync(file)) {
    console.error(`${path.relative(root, folder) || 'workspace'}: no test results; its tests did not run to the end.`);
    failed += 1;
    continue;
  }
  const results = JSON.parse(readFileSync(file, 'utf8'));
  printFailures(folder, results);
  passed += results.numPassedTests;
  // A file that does not load has no tests to fail: count the file.
  failed += Math.max(results.numFailedTests, results.success ? 0 : 1);
}
const broken = Object.keys(checks).filter((name) => !checks[name]);
if (broken.length > 0) console.error(`Failed: ${broken.join(', ')}.`);
if (broken.length > 0 && failed === 0) failed = broken.length;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
