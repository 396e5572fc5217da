import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, totalmem } from 'node:os';
import path from 'node:path';

/** What a run's numbers depend on beside its settings. */
export interface Surroundings {
  readonly node: string;
  /** `linux x64`. */
  readonly platform: string;
  /** Model and number of processors. */
  readonly cpu: string;
  readonly memoryGiB: number;
  /** Of the checkout, where it is one of git. */
  readonly commit?: string;
  /** Versions by name: the program's packages, and those that they use. */
  readonly packages: Readonly<Record<string, string>>;
}

/**
 * What a program runs on.
 *
 * @param manifest - its `package.json`.
 */
export function surroundingsOf(manifest: string): Surroundings {
  const commit = commitOf(path.dirname(manifest));
  return {
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cpu: `${cpus()[0]?.model.trim() ?? 'unknown'} × ${availableParallelism()}`,
    memoryGiB: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    ...(commit !== undefined && { commit }),
    packages: Object.fromEntries([...packagesOf(manifest)].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** How they differ, in sentences; memory and commit say nothing about numbers. */
export function differencesOf(before: Surroundings, now: Surroundings): readonly string[] {
  const facts = ['node', 'platform', 'cpu'] as const;
  const names = [...new Set([...Object.keys(before.packages), ...Object.keys(now.packages)])];
  return [
    ...facts.filter((fact) => before[fact] !== now[fact]).map((fact) => `${fact}: ${before[fact]} → ${now[fact]}`),
    ...names
      .filter((name) => before.packages[name] !== now.packages[name])
      .map((name) => `${name}: ${before.packages[name] ?? 'nothing'} → ${now.packages[name] ?? 'nothing'}`),
  ];
}

interface Manifest {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Versions of what a package depends on; of other packages of Forge also what these depend on. */
function packagesOf(manifest: string, found = new Map<string, string>()): ReadonlyMap<string, string> {
  const { dependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8')) as Manifest;
  for (const name of Object.keys(dependencies)) {
    if (found.has(name)) continue;
    const folders = createRequire(manifest).resolve.paths(name) ?? [];
    const file = folders.map((folder) => path.join(folder, name, 'package.json')).find((each) => existsSync(each));
    if (file === undefined) continue;
    found.set(name, (JSON.parse(readFileSync(file, 'utf8')) as Manifest).version ?? 'unknown');
    if (name.startsWith('@forge/')) packagesOf(file, found);
  }
  return found;
}

function commitOf(folder: string): string | undefined {
  try {
    const options = { cwd: folder, encoding: 'utf8', stdio: 'pipe', timeout: 5000 } as const;
    return execFileSync('git', ['rev-parse', 'HEAD'], options).trim();
  } catch {
    return undefined; // no git, or no checkout
  }
}
