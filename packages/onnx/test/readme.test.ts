import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as onnx from '../src/index.ts';

test('the README names every function and error of the package', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const isNamed = (name: string): boolean => readme.includes(`\`${name}\``) || readme.includes(`\`${name}(`);
  expect(Object.keys(onnx).filter((name) => !isNamed(name))).toEqual([]);
});
