import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

/** A package imports only packages of lower levels. */
const levels: readonly (readonly string[])[] = [
  ['@forge/tensor', '@forge/rewards', '@forge/dashboard', '@forge/hub'],
  ['@forge/environments', '@forge/monarch', '@forge/onnx'],
  ['@forge/service', '@forge/torchstore', '@forge/models', '@forge/observability'],
  ['@forge/data', '@forge/generator', '@forge/sandbox', '@forge/trainer'],
  ['@forge/run'],
  ['@forge/grpo', '@forge/sft'],
];
const levelOf = new Map(levels.flatMap((names, level) => names.map((name) => [name, level] as const)));

const root = path.resolve(import.meta.dirname, '..');
const manifests = ['packages', 'apps'].flatMap((group) =>
  readdirSync(path.join(root, group)).map((name) => {
    const folder = path.join(root, group, name);
    return { folder, manifest: JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as Manifest };
  }),
);
interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

test('every package has its level', () => {
  expect(manifests.map(({ manifest }) => manifest.name).sort()).toEqual([...levelOf.keys()].sort());
});

test.each(manifests)('$manifest.name depends on lower levels only', ({ manifest }) => {
  const { dependencies, optionalDependencies, devDependencies } = manifest;
  const wrong = Object.keys({ ...dependencies, ...optionalDependencies, ...devDependencies })
    .filter((name) => name.startsWith('@forge/'))
    .filter((name) => (levelOf.get(name) ?? Infinity) >= (levelOf.get(manifest.name) ?? 0));
  expect(wrong).toEqual([]);
});

/** Packages that the TypeScript files of a folder import, in any form. */
function importedFrom(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [
      ...readFileSync(path.join(folder, file), 'utf8').matchAll(
        /\b(?:from |import |import\(|require\()'([\w@][^'\s]*)'/g,
      ),
    ])
    .map(([, specifier = '']) => specifier)
    .filter((specifier) => !specifier.startsWith('node:'))
    .map((specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'));
}

test.each(manifests)('the sources of $manifest.name import only what it declares', ({ folder, manifest }) => {
  const { dependencies, optionalDependencies, peerDependencies } = manifest;
  const declared = { ...dependencies, ...optionalDependencies, ...peerDependencies };
  expect(importedFrom(path.join(folder, 'src')).filter((name) => !(name in declared))).toEqual([]);
});

test.each(manifests)(
  'the tests, benches and examples of $manifest.name import only what it declares',
  ({ folder, manifest }) => {
    const { name, dependencies, optionalDependencies, devDependencies } = manifest;
    const declared = { ...dependencies, ...optionalDependencies, ...devDependencies, [name]: 'itself' };
    const imported = ['test', 'bench', 'examples'].flatMap((part) => importedFrom(path.join(folder, part)));
    expect(imported.filter((wanted) => !(wanted in declared))).toEqual([]);
  },
);
