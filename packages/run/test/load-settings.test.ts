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
  grpo: z
    .strictObject({
      steps: z.int().min(1).default(300),
      groupSize: z.int().min(2).default(8),
      schedule: z.enum(['linear', 'cosine']).default('cosine'),
    })
    .prefault({}),
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

test('all that is wrong is named at once: key, what was given, and what is allowed', async () => {
  expect(await problemsOf('run:\n  seed: one\ngrpo:\n  stepz: 4\n  size: 1\n  groupSize: 1\n', 'steps')).toEqual([
    'override "steps": expected <key>.<key>=<value>, such as grpo.steps=50.',
    'run.yaml:2: run.seed must be an integer from 0, got "one".',
    'run.yaml:6: grpo.groupSize must be an integer from 2, got 1.',
    'run.yaml:4: grpo.stepz is not a key; did you mean grpo.steps?',
    'run.yaml:5: grpo.size is not a key; grpo has steps, groupSize, schedule.',
  ]);
});

test.each([
  ['grpo.groupSize=eight', 'grpo.groupSize must be an integer from 2, got "eight".'],
  ['reward.functions=[math, luck]', 'reward.functions.1 must be one of math, thinking, got "luck".'],
  ['grpo.schedule=cosin', 'grpo.schedule must be one of linear, cosine, got "cosin"; did you mean cosine?'],
  ['run.name=a/b', 'run.name must be made of letters, digits, ".", "_" and "-", got "a/b".'],
  ['run.group-size=3', 'run.group-size is not a key; did you mean grpo.groupSize?'],
  ['grpo=3', 'grpo must be a map of steps, groupSize, schedule, got 3.'],
  ['heldout=3', 'heldout is not a key; did you mean dataset.heldOut?'],
  ['grop.steps=3', 'grop is not a key; did you mean grpo?'],
  ['grpo.wait=5', 'grpo.wait is not a key; grpo has steps, groupSize, schedule.'],
])('%s: %s', async (override, problem) => {
  expect(await problemsOf('', override)).toEqual([`override "${override}": ${problem}`]);
});

test('of alternatives that which was meant is told about', async () => {
  const mixed = z.strictObject({
    sources: z.array(
      z.union([
        z.strictObject({ task: z.string(), weight: z.number().default(1) }),
        z.strictObject({ path: z.string() }),
      ]),
    ),
  });
  const config = path.join(folder, 'mixed.yaml');
  writeFileSync(config, 'sources:\n  - task: countdown\n    weigth: 2\n');
  await expect(loadSettings(mixed, { config, overrides: [] })).rejects.toThrow(/3: sources\.0\.weigth is not a key/);
});

test('a missing file and text that is not YAML are named', async () => {
  await expect(loadSettings(schema, { config: path.join(folder, 'absent.yaml'), overrides: [] })).rejects.toThrow(
    /absent\.yaml: the file cannot be read \(ENOENT\)/,
  );
  expect((await problemsOf('a: [1'))[0]).toMatch(/^run\.yaml: .*line 1/s);
});
