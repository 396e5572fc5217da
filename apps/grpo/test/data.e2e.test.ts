import { cpSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Mixture } from '@forge/data';
import { expect, test } from 'vitest';
import { readCompletions, readMetrics } from './fixtures/run-files.ts';
import { startApp } from './fixtures/start-app.ts';
import { temporaryFolder } from './fixtures/temporary-folder.ts';
import { tiny } from './fixtures/tiny.ts';

const folder = temporaryFolder();
const run = path.join(folder, 'runs', 'mixed');

test('a streamed file and generated tasks are trained on by their weights, and told apart', async () => {
  cpSync(path.join(import.meta.dirname, 'fixtures', 'gsm8k.jsonl'), path.join(folder, 'gsm8k.jsonl'));
  await using app = startApp(
    [
      ...tiny,
      'dataset.sources=[{path: gsm8k.jsonl, name: file}, {task: addition, weight: 3}]',
      ...['dataset.streaming=true', 'dataset.heldOutBy=hash', 'dataset.heldOutShare=0.4', 'dataset.heldOut=4'],
      ...['run.name=mixed', 'warmup.maxSteps=2', 'grpo.steps=2', 'grpo.groupsPerStep=4', 'grpo.maxPolicyAge=0'],
    ],
    { folder },
  );
  const { code, stdout, stderr } = await app.ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(
    /^file: \d+ records as GSM8K, \d+ to train on, \d+ held out; prompt tokens p50 \d+, p95 \d+, max \d+$/m,
  );
  expect(stdout).toMatch(/^addition: made as they are needed, 3 held out; prompt tokens /m);
  expect(JSON.parse(readFileSync(path.join(run, 'data.json'), 'utf8'))).toMatchObject([
    { name: 'file', form: 'GSM8K', broken: 0 },
    { name: 'addition', form: 'generated' },
  ]);
  const completions = readCompletions(run) as readonly { readonly source?: string }[];
  const shares = ['file', 'addition'].map((name) => completions.filter(({ source }) => source === name).length);
  const mixture = new Mixture([1, 3]);
  const served = Array.from({ length: 8 }, (_, number) => mixture.at(number).source);
  expect(shares).toEqual([0, 1].map((source) => 4 * served.filter((one) => one === source).length));
  const steps = readMetrics(run).filter(({ phase }) => phase === 'grpo');
  expect(steps.map((line) => Number(line['source/file/share'] ?? 0) + Number(line['source/addition/share']))).toEqual(
    steps.map(() => 1),
  );
});
