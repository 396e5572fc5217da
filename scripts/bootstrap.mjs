// From a fresh clone to a running command, on any Node >= 18 with npm and without anything installed globally.
//
//   npm start ─▶ bootstrap.mjs ─▶ toolchain (.forge/toolchain: Node 24 where the installed one is too old, the pinned pnpm)
//                               ─▶ workspace (pnpm install from the lockfile, when it changed)
//                               ─▶ build     (tsc -b: only what is stale)
//                               ─▶ the command itself, under that Node
//
// Plain JavaScript on purpose: it must run on a Node that does not know TypeScript.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const toolchain = path.join(root, '.forge', 'toolchain');
/** The packages run on Node 22.18; their tests, benches and examples run as TypeScript with `await using`, from 24 on. */
const OLDEST_NODE = [24, 0];
const NODE_VERSION = '24.21.0';

const [command = 'start', ...rest] = process.argv.slice(2);
const commands = {
  start: { entry: 'apps/grpo/dist/main.js', args: [] },
  sft: { entry: 'apps/sft/dist/main.js', args: [] },
  evaluate: { entry: 'apps/grpo/dist/evaluate-main.js', args: [] },
  compare: { entry: 'packages/run/dist/forge-compare.js', args: [] },
  dashboard: { entry: 'packages/dashboard/dist/forge-dashboard.js', args: [] },
  test: { entry: 'scripts/test.mjs', args: [] },
  check: { entry: 'scripts/check.mjs', args: [] },
  bench: { entry: 'scripts/bench.mjs', args: [] },
};
if (!(command in commands)) stop(`There is no command "${command}"; there are ${Object.keys(commands).join(', ')}.`, 2);

const started = Date.now();
let didSomething = false;

let environment = process.env;
const node = newEnough(process.versions.node) ? process.execPath : nodeFromRegistry();
const pnpm = pnpmFromRegistry();
environment = {
  ...process.env,
  PATH: [path.dirname(node), path.dirname(pnpm), path.join(root, 'node_modules', '.bin'), process.env.PATH].join(
    path.delimiter,
  ),
  TURBO_TELEMETRY_DISABLED: '1',
  DO_NOT_TRACK: '1',
};
installWorkspace();
build();
if (didSomething) console.error(`Ready after ${seconds(started)}.\n`);
run();

function newEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
}

function nodeFromRegistry() {
  // The platform packages of `node` carry the binary itself, so no install script has to run.
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const prefix = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node';
  const name = `${prefix}-${platform}-${process.arch}`;
  const binary = path.join(toolchain, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (!isInstalled(name, NODE_VERSION)) {
    step(`Node ${process.versions.node} is older than ${OLDEST_NODE.join('.')}: fetching Node ${NODE_VERSION}`, () =>
      npmInstall(`${name}@${NODE_VERSION}`),
    );
  }
  return binary;
}

/** The pinned pnpm as a program of its own: turbo looks one up on the PATH. */
function pnpmFromRegistry() {
  const version = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).packageManager.split('@')[1];
  if (!isInstalled('pnpm', version)) step(`Fetching pnpm ${version}`, () => npmInstall(`pnpm@${version}`));
  const script = path.join(toolchain, 'node_modules', 'pnpm', 'bin', 'pnpm.mjs');
  const isWindows = process.platform === 'win32';
  const program = path.join(toolchain, 'bin', isWindows ? 'pnpm.cmd' : 'pnpm');
  const content = isWindows ? `@"${node}" "${script}" %*\r\n` : `#!/bin/sh\nexec "${node}" "${script}" "$@"\n`;
  if (!existsSync(program) || readFileSync(program, 'utf8') !== content) {
    mkdirSync(path.dirname(program), { recursive: true });
    writeFileSync(program, content, { mode: 0o755 });
  }
  return program;
}

function isInstalled(name, version) {
  const manifest = path.join(toolchain, 'node_modules', name, 'package.json');
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === version;
}

function npmInstall(specifier) {
  mkdirSync(toolchain, { recursive: true });
  const manifest = path.join(toolchain, 'package.json');
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true }\n');
  const npm = process.env.npm_execpath;
  const args = ['install', '--prefix', toolchain, '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  // `npm_execpath` is npm itself when npm started this file; anywhere else npm is looked up on the PATH.
  if (npm?.endsWith('.js')) return attempt(process.execPath, [npm, ...args, specifier]);
  return attempt('npm', [...args, specifier], process.platform === 'win32');
}

function installWorkspace() {
  const stamp = path.join(root, 'node_modules', '.forge-installed');
  const wanted = createHash('sha256')
    .update(`${process.platform} ${process.arch} ${node} ${root}`)
    .update(readFileSync(path.join(root, 'package.json')))
    .update(readFileSync(path.join(root, 'pnpm-lock.yaml')))
    .update(readFileSync(path.join(root, 'pnpm-workspace.yaml')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  step('Installing the workspace from its lockfile', () =>
    attempt(pnpm, ['install', '--frozen-lockfile', '--reporter=append-only'], process.platform === 'win32'),
  );
  writeFileSync(stamp, wanted);
}

function build() {
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const begun = Date.now();
  const failure = attempt(node, [tsc, '-b', 'tsconfig.json']);
  if (failure) stop(`The build failed.\n${failure}`, 1);
  if (didSomething) console.error(`Built every package in ${seconds(begun)}.`);
}

/** Runs to the end; the output is shown only when it failed. Returns the failure, or undefined. */
function attempt(file, args, shell = false) {
  const result = spawnSync(file, args, { cwd: root, env: environment, encoding: 'utf8', maxBuffer: 1 << 28, shell });
  if (result.status === 0) return undefined;
  return `${file} ${args.join(' ')}\n${result.error?.message ?? `ended with ${result.signal ?? result.status}`}\n${result.stdout ?? ''}${result.stderr ?? ''}`;
}

function step(title, work) {
  didSomething = true;
  const begun = Date.now();
  console.error(`${title} …`);
  const failure = work();
  if (failure) stop(`${title}: failed.\n${failure}`, 1);
  console.error(`  done in ${seconds(begun)}`);
}

function run() {
  const { entry, args } = commands[command];
  const child = spawn(node, [path.join(root, entry), ...args, ...rest], {
    cwd: root,
    env: environment,
    stdio: 'inherit',
  });
  // A terminal sends Ctrl-C to the whole group, so the child has it already and decides; other signals are handed on.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => stop(`${entry} did not start: ${error.message}`, 1));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (signal === 'SIGKILL' ? 9 : signal === 'SIGTERM' ? 15 : 2);
  });
}

function seconds(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

function stop(message, code) {
  console.error(message);
  process.exit(code);
}
