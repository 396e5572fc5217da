import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonSchemaOf, settingKeys, settingsTable } from '@forge/run';
import { expect, test } from 'vitest';
import { configSchema } from '../src/config/config.ts';

const keys = settingKeys(jsonSchemaOf(configSchema));

test('every setting says what it sets', () => {
  expect(keys.filter(({ meaning }) => meaning === '').map(({ key }) => key)).toEqual([]);
});

// The table is written by the schema: UPDATE_README=1 puts it there.
test('the README has the table of all settings', () => {
  const file = join(import.meta.dirname, '../README.md');
  const readme = readFileSync(file, 'utf8');
  const [table = ''] = /^\| key +\| default (?:.|\n(?=\|))*/m.exec(readme) ?? [];
  const wanted = settingsTable(keys);
  if (process.env['UPDATE_README'] === '1')
    writeFileSync(
      file,
      readme.replace(table, () => wanted),
    );
  else expect(table).toBe(wanted);
});
