import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configSchema } from '../src/config/config.ts';

const valueAt = (settings: unknown, key: string): unknown =>
  key
    .split('.')
    .reduce((value: unknown, name) => (value instanceof Object ? Reflect.get(value, name) : undefined), settings);

test('the README names keys that exist, with the defaults that they have', async () => {
  const readme = await readFile(join(import.meta.dirname, '../README.md'), 'utf8');
  const section = /## Configuration\n(.*?)\n## /s.exec(readme)![1]!;
  const rows = [...section.matchAll(/^\| `(?<key>[\w.]+)` +\| (?:`(?<value>.+?)`)? *\|/gm)].map(
    ({ groups }) => groups!,
  );
  expect(rows.length).toBeGreaterThan(30);

  const defaults = configSchema.parse({});
  const wrong = rows.filter(({ key, value }) => {
    const actual = valueAt(defaults, key!);
    return JSON.stringify(actual) !== (value === undefined ? undefined : JSON.stringify(JSON.parse(value)));
  });
  expect(wrong).toEqual([]);

  // A key without a default is one that the schema knows all the same: it refuses another type by its name.
  for (const { key } of rows) {
    const nested = key!.split('.').reduceRight<unknown>((value, name) => ({ [name]: value }), Symbol('no setting'));
    const issues = configSchema.safeParse(nested).error?.issues ?? [];
    expect(issues.map(({ path }) => path.join('.'))).toEqual([key]);
  }
});
