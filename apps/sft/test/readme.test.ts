import { readdirSync } from 'node:fs';
import path from 'node:path';
import { jsonSchemaOf, loadSettings, settingKeys } from '@forge/run';
import { readmeTables } from '@forge/run/testing';
import { expect, test } from 'vitest';
import { configSchema } from '../src/config.ts';

test('every setting says what it sets', () => {
  const silent = settingKeys(jsonSchemaOf(configSchema)).filter(({ meaning }) => meaning === '');
  expect(silent.map(({ key }) => key)).toEqual([]);
});

// The schema writes them: UPDATE_README=1 puts them there.
test('the README has the tables of all settings', () => {
  const { found, wanted } = readmeTables(path.join(import.meta.dirname, '../README.md'), configSchema);
  expect(found).toBe(wanted);
});

test('every shipped configuration is complete but for the paths that only its user knows', async () => {
  const folder = path.join(import.meta.dirname, '../configs');
  for (const name of readdirSync(folder)) {
    const overrides = ['model.path=m', 'dataset.path=d', 'dataset.heldOutPath=h'];
    await loadSettings(configSchema, { config: path.join(folder, name), overrides });
  }
});
