import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { datasetSettings, modelSettings, runSettings } from '../src/index.ts';
import { loadSettings } from '../src/settings/load-settings.ts';

const schema = z.strictObject({
  run: runSettings,
  model: modelSettings,
  dataset: datasetSettings,
  grpo: z.strictObject({ steps: z.int().min(1).default(300), groupSize: z.int().min(2).default(8) }).prefault({}),
  reward: z
    .strictObject({
      functions: z.array(z.enum(['math', 'thinking'])).default(['math', 'thinking']),
      shuffle: z.boolean().default(false),
    })
    .prefault({}),
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'forge-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const load = (yaml: string, ...overrides: string[]) => {
  const config = path.join(folder, 'run.yaml');
  writeFileSync(config, yaml);
  return loadSettings(schema, { config, overrides });
};
const problemsOf = async (yaml: string, ...overrides: string[]) => {
  const error = await load(yaml, ...overrides).then(
    () => undefined,
    (reason: { code: string; problems: readonly string[] }) => reason,
  );
  expect(error?.code).toBe('ERR_RUN_SETTINGS');
  return error!.problems.map((problem) => problem.replace(`${folder}${path.sep}`, ''));
};

test('what a file leaves out has its default', async () => {
  const config = await load('grpo:\n  steps: 7\n');
  expect(config).toEqual({ ...schema.parse({}), grpo: { ...schema.parse({}).grpo, steps: 7 } });
});

test('an empty file is the default configuration', async () => {
  expect(await load('')).toEqual(schema.parse({}));
});

test('overrides are YAML values, the later one wins, and they reach below empty keys', async () => {
  const config = await load('model:\n', 'grpo.steps=1', 'grpo.steps=2', 'reward.shuffle=true', 'model.path=a=b');
  expect(config.grpo.steps).toBe(2);
  expect(config.reward.shuffle).toBe(true);
  expect(config.model.path).toBe('a=b');
});

test('each wrong key is named with its line and what was expected', async () => {
  expect(await problemsOf('run:\n  seed: one\ngrpo:\n  stepz: 4\n  groupSize: 1\n')).toEqual([
    'run.yaml:2: run.seed must be a number, got "one".',
    'run.yaml:5: grpo.groupSize is not accepted: Too small: expected number to be >=2.',
    'run.yaml:4: grpo.stepz is not a key that exists here.',
  ]);
});

test('a wrong override is named itself', async () => {
  expect(await problemsOf('', 'grpo.groupSize=eight')).toEqual([
    'override "grpo.groupSize=eight": grpo.groupSize must be a number, got "eight".',
  ]);
  expect(await problemsOf('', 'grpo.size=3')).toEqual([
    'override "grpo.size=3": grpo.size is not a key that exists here.',
  ]);
  expect(await problemsOf('', 'reward.functions=[math, luck]')).toEqual([
    'override "reward.functions=[math, luck]": reward.functions.1 must be one of math, thinking.',
  ]);
  expect(await problemsOf('', 'steps')).toEqual([
    'override "steps": expected <key>.<key>=<value>, such as grpo.steps=50.',
  ]);
});

test('a missing file and text that is not YAML are named', async () => {
  await expect(loadSettings(schema, { config: path.join(folder, 'absent.yaml'), overrides: [] })).rejects.toThrow(
    /absent\.yaml: the file cannot be read \(ENOENT\)/,
  );
  expect((await problemsOf('a: [1'))[0]).toMatch(/^run\.yaml: .*line 1/s);
});
