import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

/** A package imports only packages of lower levels. */
const levels: readonly (readonly string[])[] = [
  ['@forge/tensor', '@forge/rewards'],
  ['@forge/monarch', '@forge/onnx'],
  ['@forge/service', '@forge/torchstore', '@forge/models', '@forge/observability'],
  ['@forge/data', '@forge/generator', '@forge/trainer'],
  ['@forge/grpo'],
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

test.each(manifests)('the sources of $manifest.name import only what it declares', ({ folder, manifest }) => {
  const declared = new Set(Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }));
  const imported = readdirSync(path.join(folder, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [...readFileSync(path.join(folder, 'src', file), 'utf8').matchAll(/from '([^'.][^']*)'/g)])
    .map(([, specifier = '']) => specifier)
    .filter((specifier) => !specifier.startsWith('node:'))
    .map((specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'));
  expect(imported.filter((name) => !declared.has(name))).toEqual([]);
});
