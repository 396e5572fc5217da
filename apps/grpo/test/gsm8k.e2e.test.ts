import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readTasks } from '@forge/data';
import { loadModel } from '@forge/models';
import type { End } from '@forge/run/testing';
import { beforeAll, expect, test } from 'vitest';
import { makeModelFolder } from './fixtures/model-folder.ts';
import { readCompletions, readMetrics } from './fixtures/run-files.ts';
import { startApp } from './fixtures/start-app.ts';
import { temporaryFolder } from './fixtures/temporary-folder.ts';

const folder = temporaryFolder();
const env = { HF_HUB_CACHE: path.join(folder, 'hub'), HF_HUB_OFFLINE: '1' };
const run = path.join(folder, 'runs', 'real');
/** A model as Python's huggingface_hub leaves it in its cache, for a machine without network. */
const cached = path.join(folder, 'hub', 'models--forge-test--tiny');
const commit = 'c0ffee'.padEnd(40, '0');
let end: End;

beforeAll(async () => {
  makeModelFolder(path.join(cached, 'snapshots', commit));
  mkdirSync(path.join(cached, 'refs'));
  writeFileSync(path.join(cached, 'refs', 'main'), commit);
  cpSync(path.join(import.meta.dirname, 'fixtures', 'gsm8k.jsonl'), path.join(folder, 'gsm8k.jsonl'));
  // As a user writes it, in the folder that holds both.
  await using app = startApp(
    [
      ...['--config', path.resolve(import.meta.dirname, '../configs/gsm8k.yaml')],
      ...['model.path=forge-test/tiny', 'dataset.path=gsm8k.jsonl', 'dataset.heldOut=2', 'run.name=real'],
      ...['grpo.steps=2', 'grpo.groupsPerStep=2', 'grpo.groupSize=3', 'generator.maxTokens=12', 'evaluation.every=1'],
    ],
    { folder, env },
  );
  end = await app.ended;
});

test('a model by its name on the hub and a file of GSM8K records are trained on', () => {
  expect({ code: end.code, stderr: end.stderr }).toEqual({ code: 0, stderr: '' });
  const metrics = readMetrics(run);
  expect(metrics.map(({ step, phase }) => [step, phase])).toEqual([
    [0, 'grpo'],
    [1, 'grpo'],
    [2, 'grpo'],
  ]);
  expect(metrics[0]).toMatchObject({ 'eval/accuracy': expect.any(Number), loss: null });
  for (const line of metrics.slice(1)) {
    expect(line).toMatchObject({ loss: expect.any(Number), 'eval/accuracy': expect.any(Number) });
    expect(line['completions/meanLength']).toBeLessThanOrEqual(12);
    // Without a reference model there is nothing to diverge from.
    expect(line['kl']).toBeNull();
  }
});

test('the questions asked are those of the file but for the held-out ones, under the chat template of the folder', async () => {
  const tasks = [];
  for await (const task of readTasks({ path: path.join(folder, 'gsm8k.jsonl') })) tasks.push(task);
  const asked = new Set(readCompletions(run).map(({ prompt, target }) => JSON.stringify([prompt, target])));
  const trainable = tasks
    .slice(0, -2)
    .map(({ messages, target }) => JSON.stringify([`${messages[0]!.content}\n`, target]));
  expect(readCompletions(run)).toHaveLength(2 * 2 * 3);
  expect(asked.size).toBe(4);
  for (const one of asked) expect(trainable).toContain(one);
});

test('a path is taken from the folder that the program was started in, and what is trained is a whole model folder', async () => {
  const [given, trained] = await Promise.all([
    loadModel(path.join(cached, 'snapshots', commit)),
    loadModel(path.join(run, 'trained')),
  ]);
  expect(trained.config.architecture).toBe('Qwen3ForCausalLM');
  expect(trained.tokenizer.encode('How many has Ann?')).toEqual(given.tokenizer.encode('How many has Ann?'));
  expect(trained.tokenizer.eosTokenIds).toEqual(given.tokenizer.eosTokenIds);
});

test('evaluation alone judges a folder on all problems of a file, and says by its exit code whether that is enough', async () => {
  const args = ['model.path=runs/real/trained', 'dataset.path=gsm8k.jsonl', 'generator.maxTokens=12'];
  const evaluated = async (...more: readonly string[]) => {
    await using app = startApp([...args, ...more], { folder, env, name: 'evaluate', program: 'evaluate-main' });
    return { ...(await app.ended), left: app.leftovers() };
  };
  const done = await evaluated('evaluation.samples=2', 'evaluation.passAt=[1,2]');
  expect({ code: done.code, stderr: done.stderr, left: done.left }).toEqual({ code: 0, stderr: '', left: [] });
  const metrics = JSON.parse(done.stdout.trimEnd().split('\n').at(-1)!);
  expect(metrics).toMatchObject({ model: 'runs/real/trained', 'eval/accuracy': 0, 'eval/pass@2': 0, 'eval/mean@2': 0 });
  expect((await evaluated('evaluation.atLeast=0.5')).code).toBe(3);
  expect(await evaluated('evaluation.sample=2')).toMatchObject({ code: 2, stdout: '' });
});
