import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as monarch from '../../src/index.ts';
import * as testing from '../../src/testing/index.ts';

const at = (path: string) => new URL(`../../${path}`, import.meta.url);
const sources = [
  ...readdirSync(at('src/errors')).map((file) => `src/errors/${file}`),
  'src/testing/simulation-error.ts',
].map((path) => readFileSync(at(path), 'utf8'));

/** The classes of errors in the sources, with their codes. */
const classes = sources.flatMap((source) =>
  [...source.matchAll(/export class (\w+) extends \w*Error \{.*?readonly code = '(\w+)'/gs)].map(
    ([, name = '', code = '']) => ({ name, code }),
  ),
);

test('every error that is exported is a class with a code of its own', () => {
  const exported = Object.entries({ ...monarch, ...testing }).flatMap(([name, value]) =>
    typeof value === 'function' && value.prototype instanceof Error ? [name] : [],
  );
  expect(classes.map(({ name }) => name).sort()).toEqual(exported.sort());
  expect(new Set(classes.map(({ code }) => code)).size).toBe(classes.length);
});

test.each(classes)('$name stands in the table of the README with its code', ({ name, code }) => {
  expect(readFileSync(at('README.md'), 'utf8')).toMatch(new RegExp(`^\\| \`${name}\` +\\| \`${code}\` +\\|`, 'm'));
});
