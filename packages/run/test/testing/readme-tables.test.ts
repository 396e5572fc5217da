import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { readmeTables } from '../../src/testing/index.ts';

const schema = z.strictObject({
  run: z.strictObject({ seed: z.int().default(1).describe('of everything') }).prefault({}),
});
const readmeWith = (tables: string) =>
  `# A\n\n## Configuration\n\nIt has $& keys.\n\n${tables}\n\n## More\n\n### not a key\n\n## End\n`;

function readme(content: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'forge-readme-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'README.md');
  writeFileSync(file, content);
  return file;
}

test('the tables of a README are compared with the schema, and written when that is asked for', () => {
  const file = readme(readmeWith('### run\n\nold'));
  const { found, wanted } = readmeTables(file, schema);
  expect(found).toBe('### run\n\nold');
  expect(wanted).toMatch(/^### run\n\n.*`run\.seed`.*of everything/s);
  expect(readFileSync(file, 'utf8')).toBe(readmeWith('### run\n\nold'));

  vi.stubEnv('UPDATE_README', '1');
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(readmeTables(file, schema)).toEqual({ found: wanted, wanted });
  expect(readFileSync(file, 'utf8')).toBe(readmeWith(wanted));
});

test('a README without such tables has none, and is left alone', () => {
  const file = readme('# A\n');
  vi.stubEnv('UPDATE_README', '1');
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(readmeTables(file, schema).found).toBe('');
  expect(readFileSync(file, 'utf8')).toBe('# A\n');
});
