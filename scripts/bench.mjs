// Runs the benches of all packages and apps, or of those named: `npm run bench -- monarch trainer`. One JSON line a figure.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { loadavg } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const wanted = process.argv.slice(2);
const folders = new Map(
  ['packages', 'apps'].flatMap((group) =>
    readdirSync(path.join(root, group)).map((name) => [name, path.join(root, group, name)]),
  ),
);
const unknown = wanted.filter((name) => !folders.has(name));
if (unknown.length > 0) {
  console.error(`There is no package ${unknown.join(', ')}; there are ${[...folders.keys()].join(', ')}.`);
  process.exit(2);
}

let failed = false;
for (const name of wanted.length > 0 ? wanted : folders.keys()) {
  const folder = path.join(folders.get(name), 'bench');
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.bench.ts')) : [];
  for (const file of files) {
    console.error(`── ${name}/${file} (load ${loadavg()[0].toFixed(2)})`);
    const { status } = spawnSync(process.execPath, [path.join(folder, file)], { cwd: folder, stdio: 'inherit' });
    failed ||= status !== 0;
  }
}
process.exitCode = failed ? 1 : 0;
