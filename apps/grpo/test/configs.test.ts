import { readdirSync } from 'node:fs';
import path from 'node:path';
import { loadSettings } from '@forge/run';
import { expect, test } from 'vitest';
import { configSchema } from '../src/config/config.ts';

const folder = path.resolve(import.meta.dirname, '../configs');

test.each(readdirSync(folder))(
  '%s is a configuration, once it has the paths that it leaves to its user',
  async (name) => {
    const overrides = [
      'model.path=model',
      ...(/gsm8k|parquet|lora/.test(name) ? ['dataset.path=data'] : []),
      ...(/distillation/.test(name) ? ['teacher.path=teacher'] : []),
    ];
    const config = await loadSettings(configSchema, { config: path.join(folder, name), overrides });
    expect(config.model.path).toBe('model');
  },
);
