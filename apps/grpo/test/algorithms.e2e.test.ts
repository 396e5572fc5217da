import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { End } from '@forge/run/testing';
import { beforeAll, expect, test } from 'vitest';
import { type MetricsLine, readCompletions, readMetrics } from './fixtures/run-files.ts';
import { startApp } from './fixtures/start-app.ts';
import { temporaryFolder } from './fixtures/temporary-folder.ts';
import { tiny } from './fixtures/tiny.ts';

const folder = temporaryFolder();

async function finish(name: string, more: readonly string[]): Promise<End & { readonly run: string }> {
  await using app = startApp([`run.folder=${folder}`, `run.name=${name}`, ...tiny, 'evaluation.every=100', ...more], {
    folder,
    name,
  });
  return { ...(await app.ended), run: path.join(folder, name) };
}

/** The steps, without what was measured before the first. */
const ofGrpo = (run: string): readonly MetricsLine[] =>
  readMetrics(run).filter(({ phase, loss }) => phase === 'grpo' && loss !== null);

let filtered: End & { readonly run: string };
beforeAll(async () => {
  filtered = await finish('filtered', [
    'grpo.steps=4',
    'grpo.filterZeroVariance=true',
    'grpo.maxReplacements=200',
    'grpo.overSampling=1.5',
    'grpo.epochsPerBatch=2',
    'generator.updateMode=recompute',
  ]);
});

test('only groups that tell completions apart are trained on, the others are told with the reason', () => {
  expect({ code: filtered.code, stderr: filtered.stderr }).toEqual({ code: 0, stderr: '' });
  const lines = readCompletions(filtered.run);
  const groups = Map.groupBy(lines, ({ step, group }) => `${step}, ${group}`);
  for (const group of groups.values()) {
    const reasons = new Set(group.map(({ rejected }) => rejected));
    expect(reasons.size).toBe(1);
    const isFlat = new Set(group.map(({ reward }) => reward)).size === 1;
    if (isFlat) expect([...reasons]).toEqual(['zeroVariance']);
    else expect([undefined, 'notChosen']).toContain([...reasons][0]);
  }
  for (const metrics of ofGrpo(filtered.run)) {
    const ofStep = [...groups.values()].filter(([first]) => first!.step === metrics.step);
    const trained = ofStep.filter(([first]) => first!.rejected === undefined);
    expect(trained).toHaveLength(2);
    expect(ofStep.length).toBeGreaterThanOrEqual(3);
    expect(metrics['group/rejected']).toBeCloseTo(1 - trained.length / ofStep.length, 9);
    const rewards = ofStep.flat().map(({ reward }) => reward ?? Number.NaN);
    expect(metrics['reward/mean']).toBeCloseTo(rewards.reduce((sum, one) => sum + one, 0) / rewards.length, 9);
  }
});

test('a batch that is used twice is two steps of the optimiser, and the second is off policy', () => {
  for (const metrics of ofGrpo(filtered.run)) {
    expect(metrics['update/count']).toBe(2);
    expect(metrics['update/2/ratio/max']).not.toBe(1);
    expect(metrics['rl_trainer/tokens']).toBeGreaterThan(0);
  }
});

test('tasks that nothing can be learned from end a run that filters them, with a count', async () => {
  const { code, stderr } = await finish('hopeless', [
    'warmup.maxSteps=0',
    'grpo.filterZeroVariance=true',
    'grpo.maxReplacements=2',
    'grpo.maxPolicyAge=0',
    'reward.functions=[math]',
  ]);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /No batch of 2 groups formed: of \d+ that were turned away, all completions were right in 0, none in \d+/,
  );
});

test('a student comes closer to its teacher, without any reward', async () => {
  const { code, stderr, run } = await finish('distilled', [
    `teacher.path=${path.join(filtered.run, 'trained')}`,
    'warmup.maxSteps=0',
    'grpo.groupSize=1',
    'grpo.groupsPerStep=32',
    'grpo.steps=20',
    'grpo.maxPolicyAge=0',
    'grpo.learningRate=0.01',
    'grpo.schedule=linear',
    'grpo.beta=0',
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const kl = ofGrpo(run).map((line) => Number(line['teacher/kl']));
  const mean = (values: readonly number[]) => values.reduce((sum, one) => sum + one, 0) / values.length;
  expect(mean(kl.slice(-5)), kl.join(' ')).toBeLessThan(0.75 * mean(kl.slice(0, 3)));
});

test('adapters are trained alone, with the model below them as the reference, and generators get nothing else', async () => {
  const { code, stderr, run } = await finish('adapters', [
    `model.path=${path.join(filtered.run, 'trained')}`,
    'model.lora.rank=4',
    'warmup.maxSteps=0',
    'grpo.steps=3',
    'grpo.learningRate=0.02',
    'grpo.warmupSteps=0',
    'grpo.beta=0.01',
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const kl = ofGrpo(run).map((line) => Number(line['kl']));
  expect(kl[0]).toBeCloseTo(0, 9);
  expect(kl[2]).toBeGreaterThan(1e-6);
  expect(readdirSync(run)).not.toContain('reference');
  // The weights that generators sample with are those that are trained.
  for (const line of ofGrpo(run)) {
    if (line['policyAge'] === 0) expect(Number(line['sampling/sampling_logp_difference/max'])).toBeLessThan(1e-3);
  }
  expect(existsSync(path.join(run, 'trained', 'model.safetensors'))).toBe(true);
});

test('the greedy completion is what others are compared with, and tokens that take entropy are held back', async () => {
  const { code, stderr, run } = await finish('compared', [
    `model.path=${path.join(filtered.run, 'trained')}`,
    'warmup.maxSteps=0',
    'grpo.steps=3',
    'grpo.advantage=remax',
    'grpo.loss=kl_cov',
    'grpo.covariance.share=0.1',
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const groups = Map.groupBy(readCompletions(run), ({ step, group }) => `${step}, ${group}`);
  for (const group of groups.values()) {
    // All of a group are compared with one reward, which none of them needs to have had.
    const greedy = group.map(({ reward, advantage }) => Number(reward) - Number(advantage));
    for (const value of greedy) expect(value).toBeCloseTo(greedy[0]!, 9);
    expect(greedy[0]).toBeGreaterThanOrEqual(0);
  }
});
