import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadModel } from '@forge/models';
import type { RunFile } from '@forge/run';
import { startProgram, until, untimed } from '@forge/run/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const folder = mkdtempSync(path.join(tmpdir(), 'forge-sft-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const main = path.resolve(import.meta.dirname, '../dist/main.js');
const STEPS = 60;
/** One layer, and numbers of one digit: learned in seconds. */
const tiny = [
  'model.embedded.hiddenSize=32',
  'model.embedded.numLayers=1',
  'model.embedded.headDim=8',
  'model.embedded.intermediateSize=64',
  'dataset.embedded.problems=500',
  'dataset.embedded.digits=1',
  'dataset.heldOut=16',
  'sft.epochs=4',
  `sft.maxSteps=${STEPS}`,
  'sft.batchSize=16',
  'sft.learningRate=0.01',
  'trainer.threads=1',
  'evaluation.every=20',
  'evaluation.maxTokens=16',
  'checkpoint.every=10',
];

type Line = Readonly<Record<string, number | string | null>>;

const start = (name: string, more: readonly string[]) =>
  startProgram(main, [`run.folder=${folder}`, `run.name=${name}`, ...tiny, ...more], { folder, name });

async function finish(name: string, more: readonly string[] = []): Promise<string> {
  await using program = start(name, more);
  const { code, stderr } = await program.ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return path.join(folder, name);
}

const linesOf = (run: string): readonly Line[] =>
  existsSync(path.join(run, 'metrics.jsonl'))
    ? readFileSync(path.join(run, 'metrics.jsonl'), 'utf8')
        .trimEnd()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Line)
    : [];

describe('a run', () => {
  let whole: string;
  beforeAll(async () => {
    whole = await finish('whole');
  });

  test('learns: held-out loss falls and answers become right', () => {
    const lines = linesOf(whole);
    const measured = lines.filter((line) => line['eval/loss'] !== undefined);
    expect(measured.map(({ step }) => step)).toEqual([0, 20, 40, 60]);
    const [before, after] = [measured[0]!, measured.at(-1)!];
    expect(Number(before['eval/loss'])).toBeGreaterThan(4);
    expect(Number(after['eval/loss'])).toBeLessThan(1);
    expect(after['eval/perplexity']).toBeCloseTo(Math.exp(Number(after['eval/loss'])), 10);
    expect(lines.at(-1)!['epoch']).toBeCloseTo((STEPS * 16) / 500, 10);
  });

  test('leaves a model that loads, of other weights than it began with', async () => {
    const [first, trained] = await Promise.all(['model', 'trained'].map((name) => loadModel(path.join(whole, name))));
    const name = 'model.layers.0.self_attn.q_proj.weight';
    expect(trained!.weights[name]!.data).not.toEqual(first!.weights[name]!.data);
  });

  test('that was killed goes on and ends as one that was not, to the last bit', async () => {
    const killed = path.join(folder, 'killed');
    {
      await using program = start('killed', []);
      await until(() => program.isOver() || linesOf(killed).length > 34);
      program.child.kill('SIGKILL');
      await program.ended;
    }
    const last = readdirSync(path.join(killed, 'checkpoints')).toSorted().at(-1)!;
    expect(Number(last.slice(5))).toBeLessThan(STEPS);
    await finish('killed', ['run.resume=latest']);
    expect(linesOf(killed).map(untimed)).toEqual(linesOf(whole).map(untimed));
    const { sessions } = JSON.parse(readFileSync(path.join(killed, 'run.json'), 'utf8')) as RunFile;
    expect(sessions.map(({ args }) => args.includes('run.resume=latest'))).toEqual([false, true]);
    expect(sessions[0]!.packages).toMatchObject({
      '@forge/trainer': expect.any(String),
      'onnxruntime-node': expect.any(String),
    });
    const weights = [killed, whole].map((run) => readFileSync(path.join(run, 'trained/model.safetensors')));
    expect(weights[0]!.equals(weights[1]!)).toBe(true);
  });

  test('goes on from the checkpoint before a damaged one, and not with other data', async () => {
    const checkpoints = path.join(whole, 'checkpoints');
    const last = readdirSync(checkpoints).toSorted().at(-1)!;
    writeFileSync(path.join(checkpoints, last, 'run.json'), '{');
    await finish('whole', ['run.resume=latest']);
    await using refused = start('whole', ['run.resume=latest', 'sft.batchSize=8']);
    expect(await refused.ended).toMatchObject({ code: 2, stderr: expect.stringMatching(/sft\.batchSize: 16 → 8: /) });
  });

  test('begins with the model that another has trained', async () => {
    const more = await finish('more', [
      `model.path=${path.join(whole, 'trained')}`,
      'sft.maxSteps=1',
      'sft.learningRate=1e-9',
    ]);
    const [before] = linesOf(more);
    expect(before!['eval/loss']).toBeCloseTo(Number(linesOf(whole).at(-1)!['eval/loss']), 5);
  });
});

test('adapters alone are trained when it is asked for, and stand in a folder of their own beside the merged model', async () => {
  const run = await finish('adapters', ['model.lora.rank=4', 'sft.maxSteps=2', 'evaluation.accuracy=none']);
  expect(readdirSync(path.join(run, 'adapters')).toSorted()).toEqual([
    'adapter_config.json',
    'adapter_model.safetensors',
  ]);
  expect(existsSync(path.join(run, 'trained/model.safetensors'))).toBe(true);
  expect(linesOf(run).some((line) => 'eval/accuracy' in line)).toBe(false);
});

test('SIGTERM ends a run in order', async () => {
  await using program = start('ended', ['sft.maxSteps=100000', 'sft.epochs=100000']);
  await program.line(/^sft .* left$/);
  program.child.kill('SIGTERM');
  const { code, stdout } = await program.ended;
  expect(code).toBe(143);
  expect(stdout).toMatch(/\d+ steps, \d+ s\. See .*ended$/m);
});

test('generated tasks are learned for as many steps as are asked for', async () => {
  const task = ['dataset.task=reverse-string', 'dataset.heldOut=4', 'evaluation.accuracy=exact'];
  const run = await finish('generated', [...task, 'sft.maxSteps=2', 'model.embedded.maxPositions=256']);
  expect(linesOf(run).at(-1)).toMatchObject({ step: 2, 'eval/accuracy': expect.any(Number) });
});

test('answers to the held-out tasks are played in their environment, all turns of it', async () => {
  const module = path.join(import.meta.dirname, 'fixtures/own-environment.ts');
  const played = [`environment.module=${module}`, 'environment.name=again', 'evaluation.accuracy=environment'];
  const run = await finish('played', [...played, 'evaluation.maxTokens=32']);
  const measured = linesOf(run).filter((line) => 'eval/accuracy' in line);
  // Only what ends both turns by itself earns anything, which is learned.
  expect(measured[0]).toMatchObject({ 'eval/accuracy': 0, 'eval/truncated': 1, 'eval/unscored': 0 });
  expect(Number(measured.at(-1)!['eval/accuracy'])).toBeGreaterThan(0.5);
  await using refused = start('unknown', [...played, 'environment.name=chess']);
  expect(await refused.ended).toMatchObject({ code: 2, stderr: expect.stringContaining('environment.name: "chess"') });
});

test('a key that does not exist is refused before anything starts', async () => {
  await using program = start('refused', ['sft.epoch=3']);
  expect(await program.ended).toMatchObject({
    code: 2,
    stdout: '',
    stderr: 'override "sft.epoch=3": sft.epoch is not a key; did you mean sft.epochs?\n',
  });
});
