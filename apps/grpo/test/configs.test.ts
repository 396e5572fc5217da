import path from 'node:path';
import { loadSettings } from '@forge/run';
import { test } from 'vitest';
import { configSchema } from '../src/config/config.ts';

test('every shipped configuration is complete but for the paths that only its user knows', async () => {
  const shipped = (name: string) => path.join(import.meta.dirname, '..', 'configs', name);
  await loadSettings(configSchema, { config: shipped('default.yaml'), overrides: [] });
  await loadSettings(configSchema, { config: shipped('gsm8k.yaml'), overrides: ['model.path=m', 'dataset.path=d'] });
});
