import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readSafetensors, writeSafetensors } from '@forge/models';
import { loadSettings, prepareSource } from '@forge/run';
import { describe, expect, test } from 'vitest';
import { configSchema } from '../src/config/config.ts';
import { makeModelFolder } from './fixtures/model-folder.ts';
import { startApp } from './fixtures/start-app.ts';
import { temporaryFolder } from './fixtures/temporary-folder.ts';

const folder = temporaryFolder();
const gsm8k = path.resolve(import.meta.dirname, '../configs/gsm8k.yaml');
const records = path.resolve(import.meta.dirname, 'fixtures/gsm8k.jsonl');
let count = 0;

/** What the app says when it is started with these arguments in a folder of its own, made by `prepare`. */
async function refusal(args: readonly string[], prepare: (cwd: string) => unknown = () => undefined): Promise<string> {
  const cwd = path.join(folder, String(count++));
  mkdirSync(cwd);
  await prepare(cwd);
  const env = { HF_HUB_CACHE: path.join(cwd, 'hub'), HF_HUB_OFFLINE: '1' };
  await using app = startApp([...args, 'run.name=bad'], { folder: cwd, env });
  const { code, stdout, stderr } = await app.ended;
  // The first thing that a run says is where its folder is; nothing is started before.
  expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
  expect(stderr).not.toMatch(/^ +at /m);
  return stderr.trimEnd();
}

const real = ['--config', gsm8k, 'model.path=model', 'dataset.path=gsm8k.jsonl'];

type Damage = (model: string, dataset: string) => unknown;

/** Makes a sound model and data set in a folder, and damages them. */
async function prepareDamaged(
  cwd: string,
  damage: Damage,
): Promise<{ readonly model: string; readonly dataset: string }> {
  const dataset = path.join(cwd, 'gsm8k.jsonl');
  copyFileSync(records, dataset);
  const model = makeModelFolder(path.join(cwd, 'model'));
  await damage(model, dataset);
  return { model, dataset };
}

/** What is said of a model and a data set when a run is prepared: with a code, so that the app tells it alone. */
async function refusalOfDamaged(damage: Damage): Promise<string> {
  const cwd = path.join(folder, String(count++));
  mkdirSync(cwd);
  const { model, dataset } = await prepareDamaged(cwd, damage);
  const overrides = [`model.path=${model}`, `dataset.path=${dataset}`];
  const settings = await loadSettings(configSchema, { config: gsm8k, overrides });
  const error: unknown = await prepareSource(settings, path.join(cwd, 'run')).then(
    () => expect.unreachable('it must be refused'),
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_/) });
  return (error as Error).message.replaceAll(`${cwd}${path.sep}`, ''); // it has a code, so it is one
}

const editJson = (file: string, change: object) =>
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...change }));

describe.concurrent('a model that cannot be used is named with its file, and key or tensor', () => {
  const weights = (model: string) => path.join(model, 'model.safetensors');

  test.for<readonly [string, Damage, string]>([
    [
      'no folder',
      (model) => rmSync(model, { recursive: true }),
      'model/config.json: expected a JSON object, got no such file.',
    ],
    [
      'no config.json',
      (model) => rmSync(path.join(model, 'config.json')),
      'model/config.json: expected a JSON object, got no such file.',
    ],
    [
      'a config.json that is no JSON',
      (model) => writeFileSync(path.join(model, 'config.json'), '{"hidden_size": 48'),
      'model/config.json: expected JSON, got ',
    ],
    [
      'a key of config.json that is no number',
      (model) => editJson(path.join(model, 'config.json'), { hidden_size: 'large' }),
      'model/config.json: hidden_size is "large", expected ',
    ],
    [
      'another architecture',
      (model) =>
        editJson(path.join(model, 'config.json'), { architectures: ['MixtralForCausalLM'], model_type: 'mixtral' }),
      'model/config.json: architectures is ["MixtralForCausalLM"], expected ',
    ],
    [
      'no weights',
      (model) => rmSync(weights(model)),
      'model/model.safetensors: expected a safetensors file, got ENOENT.',
    ],
    [
      'a missing tensor',
      async (model) => {
        const { 'model.layers.1.mlp.up_proj.weight': _, ...rest } = await readSafetensors(weights(model));
        await writeSafetensors(weights(model), rest);
      },
      'model: tensor model.layers.1.mlp.up_proj.weight: expected shape [80, 48], got no such tensor.',
    ],
    [
      'weights that end too early',
      (model) => writeFileSync(weights(model), readFileSync(weights(model)).subarray(0, -1000)),
      'model/model.safetensors: tensor ',
    ],
    [
      'no tokenizer.json',
      (model) => rmSync(path.join(model, 'tokenizer.json')),
      'model/tokenizer.json: expected a JSON object, got no such file.',
    ],
    [
      'a tokenizer.json that is no JSON',
      (model) => writeFileSync(path.join(model, 'tokenizer.json'), 'vocab'),
      'model/tokenizer.json: expected JSON, got ',
    ],
    [
      'a tokenizer.json that defines no tokenizer',
      (model) => writeFileSync(path.join(model, 'tokenizer.json'), '{"version": "1.0"}'),
      'model/tokenizer.json: expected the definition of a tokenizer, got ',
    ],
    [
      'no chat template',
      (model) => editJson(path.join(model, 'tokenizer_config.json'), { chat_template: undefined }),
      'model/chat_template.jinja: the folder has no chat template, here or in tokenizer_config.json.',
    ],
    [
      'a chat template that does not parse',
      (model) => editJson(path.join(model, 'tokenizer_config.json'), { chat_template: '{% if %}' }),
      'model/tokenizer_config.json: the chat template does not parse: ',
    ],
    [
      'the tokenizer of another model',
      (model) => {
        const file = path.join(model, 'tokenizer.json');
        writeFileSync(file, readFileSync(file, 'utf8').replace('"?":', '"?":9'));
      },
      'model/tokenizer.json: gives token 9',
    ],
  ])('%s', async ([_, damage, message]) => {
    const told = await refusalOfDamaged(damage);
    expect(told).toContain(message);
    expect(told.split('\n')).toHaveLength(1);
  });
});

describe.concurrent('a data set that cannot be used is named with its file and line', () => {
  const withLine3 = (line: string) => (_: string, dataset: string) => {
    const lines = readFileSync(dataset, 'utf8').split('\n');
    writeFileSync(dataset, lines.with(2, line).join('\n'));
  };

  test.for<readonly [string, Damage, string]>([
    ['no file', (_, dataset) => rmSync(dataset), 'gsm8k.jsonl: the file cannot be read (ENOENT).'],
    ['an empty file', (_, dataset) => writeFileSync(dataset, '\n'), 'gsm8k.jsonl: the file has no records.'],
    [
      'a line that is no JSON',
      withLine3('{"question": "1'),
      'gsm8k.jsonl:3: expected one JSON object a line, found: {"question": "1',
    ],
    [
      'a line without an answer',
      withLine3('{"question": "1 + 1?"}'),
      'gsm8k.jsonl:3: "answer" must be a text or a number, it is missing.',
    ],
    [
      'an answer without a result',
      withLine3('{"question": "1 + 1?", "answer": "It is two."}'),
      'gsm8k.jsonl:3: "answer" must end in "#### <result>", found: "It is two."',
    ],
    [
      'a question that is too long for the model',
      withLine3(JSON.stringify({ question: `How many${' and'.repeat(130)}?`, answer: '#### 1' })),
      'gsm8k.jsonl:3: its prompt has 134 tokens, which leaves no room for an answer: ' +
        'max_position_embeddings in model/config.json is 128.',
    ],
    [
      'one problem, to train on and to be evaluated',
      (_, dataset) => writeFileSync(dataset, readFileSync(dataset, 'utf8').split('\n')[0]!),
      'gsm8k.jsonl: one task cannot be both trained on and evaluated; give at least two, or a file or split of their own for what is held out.',
    ],
  ])('%s', async ([_, damage, message]) => {
    expect(await refusalOfDamaged(damage)).toBe(message);
  });
});

describe.concurrent('a setting that cannot be is named with its file and line, or as it was given', () => {
  const withConfig = (yaml: string) =>
    refusal(['--config', 'run.yaml'], (cwd) => writeFileSync(path.join(cwd, 'run.yaml'), yaml));

  test('a key that does not exist', async () => {
    expect(await withConfig('run:\n  seed: 1\n  speed: 2\n')).toBe(
      'run.yaml:3: run.speed is not a key; did you mean run.seed?',
    );
  });

  test('a value of another type', async () => {
    expect(await withConfig('grpo:\n  steps: many\n')).toBe(
      'run.yaml:2: grpo.steps must be an integer from 1, got "many".',
    );
  });

  test('a file that is not there, or is no YAML', async () => {
    expect(await refusal(['--config', 'absent.yaml'])).toBe('absent.yaml: the file cannot be read (ENOENT).');
    expect(await withConfig('grpo: [')).toMatch(/^run\.yaml: .* at line 1, column \d+:/);
  });

  test('the paths that a shipped configuration leaves to its user', async () => {
    const told = await refusal(['--config', gsm8k]);
    expect(told.split('\n')).toEqual([
      expect.stringMatching(/gsm8k\.yaml:\d+: model\.path must be a text, got null\.$/),
      expect.stringMatching(/gsm8k\.yaml:\d+: dataset\.path must be a text, got null\.$/),
    ]);
  });

  test('a run folder that holds a run', async () => {
    const told = await refusal(['run.folder=runs'], (cwd) => {
      mkdirSync(path.join(cwd, 'runs/bad'), { recursive: true });
      writeFileSync(path.join(cwd, 'runs/bad/metrics.jsonl'), '');
    });
    expect(told).toBe(
      'run.name: runs/bad holds a run already; choose another name, go on with it by run.resume=latest, or remove that folder.',
    );
  });

  test.for<readonly [string, string]>([
    ['grpo.stepz=2', 'override "grpo.stepz=2": grpo.stepz is not a key; did you mean grpo.steps?'],
    ['grpo.steps', 'override "grpo.steps": expected <key>.<key>=<value>, such as grpo.steps=50.'],
    [
      'reward.functions=[math,luck]',
      'override "reward.functions=[math,luck]": reward.functions.1 is not accepted: "luck" must be one of math, ',
    ],
    [
      'reward.functions=[]',
      'reward.functions is not accepted: it is empty, and without a reward function no completion is better than another; name one, such as [math].',
    ],
    ['run.folder=/dev/null/runs', 'run.folder: /dev/null/runs/bad cannot be made (ENOTDIR).'],
    ['--speed', "Unknown option '--speed'"],
  ])('%s', async ([argument, message]) => {
    expect(await refusal([argument])).toContain(message);
  });
});

test('what is wrong with a model or a data set is all that the app says', async () => {
  const [model, dataset] = await Promise.all([
    refusal(real, (cwd) => prepareDamaged(cwd, (folder) => rmSync(folder, { recursive: true }))),
    refusal(real, (cwd) => prepareDamaged(cwd, (_, file) => rmSync(file))),
  ]);
  expect(model).toBe('model/config.json: expected a JSON object, got no such file.');
  expect(dataset).toBe('gsm8k.jsonl: the file cannot be read (ENOENT).');
});

test('a model that is named and not in the cache of a machine without network', async () => {
  const told = await refusal(['model.path=Qwen/Qwen3-0.6B']);
  expect(told).toMatch(
    /^Qwen\/Qwen3-0\.6B: revision main is not in .*hub, and HF_HUB_OFFLINE .* keeps from the network\./,
  );
});

test('--help says how to start a run, and starts none', async () => {
  await using app = startApp(['--help'], { folder });
  expect(await app.ended).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringMatching(/--config <file>.*grpo\.steps +500 +GRPO steps at most/s),
  });
});
