import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { until, untimed } from '@forge/run/testing';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { readCompletions, readMetrics } from './fixtures/run-files.ts';
import { startApp } from './fixtures/start-app.ts';
import { temporaryFolder } from './fixtures/temporary-folder.ts';
import { tiny } from './fixtures/tiny.ts';

/** Runs that are killed at two random points each, `RESUMES=10` for as many as a release is tried with. */
const RESUMES = Number(process.env['RESUMES'] ?? 1);
const folder = temporaryFolder();
const WARM_UP = 30;
const GRPO = 6;
const settings = [
  ...tiny,
  `warmup.maxSteps=${WARM_UP}`,
  'warmup.evaluateEvery=5',
  `grpo.steps=${GRPO}`,
  'grpo.maxPolicyAge=0',
  'trainer.threads=1',
  'evaluation.every=2',
  'checkpoint.every=2',
  // What a step may depend on beside the weights.
  'grpo.filterZeroVariance=true',
  'grpo.maxReplacements=100',
  'grpo.overSampling=1.5',
  'grpo.adaptiveKl.target=0.01',
  'grpo.adaptiveKl.horizon=50',
  'grpo.referenceRefresh.every=3',
  'grpo.epochsPerBatch=2',
  'grpo.miniBatches=2',
  'grpo.loss=gmpo',
  'grpo.scaleRewards=batch',
  'curriculum.easyShare=0.5',
  'curriculum.hardShare=0.5',
];

const resuming = [...settings, 'run.resume=latest'];

const linesOf = (run: string): number =>
  existsSync(path.join(run, 'metrics.jsonl'))
    ? readFileSync(path.join(run, 'metrics.jsonl'), 'utf8').split('\n').length - 1
    : 0;

interface RunOptions {
  readonly settings: readonly string[];
  /** Lines of metrics.jsonl after which it is killed. @default it runs to its end */
  readonly killAfter?: number;
}

async function run(name: string, { settings: all, killAfter }: RunOptions = { settings }): Promise<string> {
  await using app = startApp([`run.folder=${folder}`, `run.name=${name}`, ...all], { folder, name });
  const target = path.join(folder, name);
  if (killAfter !== undefined) {
    await until(() => app.isOver() || linesOf(target) >= killAfter);
    app.child.kill('SIGKILL');
  }
  const end = await app.ended;
  if (killAfter === undefined) expect({ code: end.code, stderr: end.stderr }).toEqual({ code: 0, stderr: '' });
  return target;
}

describe('a synchronous run that was killed', () => {
  let whole: string;
  beforeAll(async () => {
    whole = await run('whole');
  });

  test('goes on and ends as one that was not, to the last bit', async () => {
    const inWarmUp = fc.integer({ min: 1, max: WARM_UP });
    const inGrpo = fc.integer({ min: WARM_UP + 1, max: WARM_UP + GRPO - 1 });
    for (const [i, points] of fc.sample(fc.tuple(inWarmUp, inGrpo), RESUMES).entries()) {
      const name = `killed-${i}`;
      for (const point of points) await run(name, { settings: resuming, killAfter: point });
      const target = await run(name, { settings: resuming });
      const killed = `killed after ${points.join(' and ')} steps`;
      expect(readMetrics(target).map(untimed), killed).toEqual(readMetrics(whole).map(untimed));
      for (const file of ['completions.jsonl', 'trained/model.safetensors']) {
        const [resumed, expected] = [target, whole].map((each) => readFileSync(path.join(each, file)));
        expect(resumed!.equals(expected!), `${file}, ${killed}`).toBe(true);
      }
      expect(readdirSync(path.join(target, 'checkpoints')).length).toBe(2);
    }
  }, 300_000);

  test('goes on with more steps when it is asked to, and says what has changed', async () => {
    await using app = startApp(
      [`run.folder=${folder}`, 'run.name=whole', ...settings, 'run.resume=latest', `grpo.steps=${GRPO + 1}`],
      { folder, name: 'longer' },
    );
    const { code, stdout } = await app.ended;
    expect(code).toBe(0);
    expect(stdout).toContain(`Changed: grpo.steps: ${GRPO} → ${GRPO + 1}`);
    expect(readMetrics(path.join(folder, 'whole')).length).toBe(WARM_UP + GRPO + 1);
  });

  test.each([
    ['run.seed=9', /run\.seed: 1 → 9: .*cannot go on with that/],
    ['model.embedded.hiddenSize=64', /model\.embedded\.hiddenSize: 32 → 64/],
  ])('refuses %s: it would not be the same run', async (override, message) => {
    await using app = startApp([`run.folder=${folder}`, 'run.name=whole', ...settings, 'run.resume=latest', override], {
      folder,
      name: 'refused',
    });
    const { code, stderr } = await app.ended;
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  test('falls back to the checkpoint before a damaged one', async () => {
    const checkpoints = path.join(folder, 'whole', 'checkpoints');
    const last = readdirSync(checkpoints).toSorted().at(-1)!;
    writeFileSync(path.join(checkpoints, last, 'run.bin'), 'damaged');
    await run('whole', { settings: resuming });
    expect(readMetrics(path.join(folder, 'whole')).length).toBe(WARM_UP + GRPO);
  });
});

/** A streamed file beside generated tasks, each compared with its own average. */
const mixed = [
  ...tiny,
  'dataset.sources=[{path: gsm8k.jsonl, name: file}, {task: addition, weight: 3}]',
  ...['dataset.streaming=true', 'dataset.heldOutBy=hash', 'dataset.heldOutShare=0.4', 'dataset.heldOut=4'],
  ...['warmup.maxSteps=2', 'grpo.steps=6', 'grpo.groupsPerStep=4', 'grpo.maxPolicyAge=0', 'trainer.threads=1'],
  ...['grpo.advantage=rae', 'evaluation.every=3', 'checkpoint.every=2'],
];

test('a synchronous run on streamed data and a mixture that was killed ends as one that was not, to the last bit', async () => {
  cpSync(path.join(import.meta.dirname, 'fixtures', 'gsm8k.jsonl'), path.join(folder, 'gsm8k.jsonl'));
  const whole = await run('streamed', { settings: mixed });
  // Between two checkpoints: what was done since the first of them is done again.
  const target = await run('streamed-killed', { settings: mixed, killAfter: 2 + 3 });
  await run('streamed-killed', { settings: [...mixed, 'run.resume=latest'] });
  expect(readMetrics(target).map(untimed)).toEqual(readMetrics(whole).map(untimed));
  for (const file of ['completions.jsonl', 'trained/model.safetensors']) {
    const [resumed, expected] = [target, whole].map((each) => readFileSync(path.join(each, file)));
    expect(resumed!.equals(expected!), file).toBe(true);
  }
  const sources = new Set(readCompletions(target).map(({ source }) => source));
  expect([...sources].toSorted()).toEqual(['addition', 'file']);
}, 120_000);
