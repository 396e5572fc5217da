import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonSchemaOf, loadSettings, settingKeys, settingsTables } from '@forge/run';
import { expect, test } from 'vitest';
import { configSchema } from '../src/config.ts';

const keys = settingKeys(jsonSchemaOf(configSchema));

test('every setting says what it sets', () => {
  expect(keys.filter(({ meaning }) => meaning === '').map(({ key }) => key)).toEqual([]);
});

// The schema writes them: UPDATE_README=1 puts them there.
test('the README has the tables of all settings', () => {
  const file = join(import.meta.dirname, '../README.md');
  const readme = readFileSync(file, 'utf8');
  const [, tables = ''] = /^## Configuration\n.*?^(### run\n.*?)\n\n## /ms.exec(readme) ?? [];
  const wanted = settingsTables(keys);
  if (process.env['UPDATE_README'] === '1')
    writeFileSync(
      file,
      readme.replace(tables, () => wanted),
    );
  else expect(tables).toBe(wanted);
});

test('every shipped configuration is complete but for the paths that only its user knows', async () => {
  const folder = join(import.meta.dirname, '../configs');
  for (const name of readdirSync(folder)) {
    const overrides = ['model.path=m', 'dataset.path=d', 'dataset.heldOutPath=h'];
    await loadSettings(configSchema, { config: join(folder, name), overrides });
  }
});
