import { readdirSync } from 'node:fs';
import path from 'node:path';
import { loadSettings } from '@forge/run';
import { expect, test } from 'vitest';
import { configSchema } from '../src/config/config.ts';

const folder = path.join(import.meta.dirname, '..', 'configs');
/** Paths that only a user knows. */
const overrides = {
  'gsm8k.yaml': ['model.path=m', 'dataset.path=d'],
  'lora.yaml': ['model.path=m', 'dataset.path=d'],
  'distillation.yaml': ['teacher.path=t'],
} as Readonly<Record<string, readonly string[]>>;

test.each(readdirSync(folder).filter((name) => name !== 'evaluate.yaml'))(
  '%s is complete but for the paths that only its user knows',
  async (name) => {
    const settings = await loadSettings(configSchema, {
      config: path.join(folder, name),
      overrides: overrides[name] ?? [],
    });
    expect(settings.grpo.steps).toBeGreaterThan(0);
  },
);
