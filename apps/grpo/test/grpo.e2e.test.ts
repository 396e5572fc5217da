import { readFileSync } from 'node:fs';
import path from 'node:path';
import { loadModel } from '@forge/models';
import { loadSettings } from '@forge/run';
import { canSeeProcesses, type End, untimed } from '@forge/run/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { configSchema } from '../src/config/config.ts';
import { type CompletionLine, type MetricsLine, readCompletions, readMetrics } from './fixtures/run-files.ts';
import { startApp } from './fixtures/start-app.ts';
import { temporaryFolder } from './fixtures/temporary-folder.ts';
import { tiny, warmUpSteps } from './fixtures/tiny.ts';

const folder = temporaryFolder();
const defaultConfig = path.resolve(import.meta.dirname, '../configs/default.yaml');

interface Finished extends End {
  readonly run: string;
  readonly overrides: readonly string[];
  readonly metrics: readonly MetricsLine[];
  readonly completions: readonly CompletionLine[];
  readonly processesSeen: readonly string[];
  readonly processesLeft: readonly string[];
  readonly filesLeft: readonly string[];
}

async function finish(name: string, more: readonly string[]): Promise<Finished> {
  const overrides = [`run.folder=${folder}`, `run.name=${name}`, 'evaluation.every=2', ...tiny, ...more];
  await using app = startApp(overrides, { folder, name });
  await app.line(/^grpo /);
  const processesSeen = canSeeProcesses ? app.processes().map((seen) => seen.name) : [];
  const end = await app.ended;
  const run = path.join(folder, name);
  return {
    ...end,
    run,
    overrides,
    processesSeen,
    processesLeft: canSeeProcesses ? app.processes().map((seen) => seen.name) : [],
    filesLeft: app.leftovers(),
    metrics: readMetrics(run),
    completions: readCompletions(run),
  };
}

/** Numbers of one key, over the steps that have it. */
const column = (lines: readonly MetricsLine[], key: string) =>
  lines.flatMap((line) => (typeof line[key] === 'number' ? [line[key]] : []));
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const groupsOf = (completions: readonly CompletionLine[]) => [
  ...Map.groupBy(completions, ({ group }) => group).values(),
];

describe('a run of the embedded task', () => {
  const grpoSteps = [1, 2, 3].map((step) => warmUpSteps + step);
  let run: Finished;
  beforeAll(async () => {
    run = await finish('asynchronous', ['grpo.steps=3']);
  });

  test('ends with exit code 0 and one line that says what came of it', () => {
    expect({ code: run.code, stderr: run.stderr }).toEqual({ code: 0, stderr: '' });
    expect(run.stdout.trimEnd().split('\n').at(-1)).toMatch(
      /^Held-out accuracy \d\.\d{3} → \d\.\d{3} by GRPO, 3 GRPO steps, \d+ s\. See .*asynchronous\/curves\.svg$/,
    );
  });

  test('writes one metrics line a step, with the same first keys, numbered and timed in order', () => {
    expect(run.metrics.map(({ step, phase }) => [step, phase])).toEqual([
      ...Array.from({ length: warmUpSteps }, (_, i) => [i + 1, 'warmup']),
      ...grpoSteps.map((step) => [step, 'grpo']),
    ]);
    const measured = ['reward/mean', 'loss', 'kl', 'gradNorm', 'policyAge', 'tokensPerSecond'];
    for (const line of run.metrics) {
      expect(Object.keys(line).slice(0, 9)).toEqual(['step', 'wallSeconds', 'phase', ...measured]);
      const known = line.phase === 'grpo' ? measured : ['loss', 'gradNorm', 'tokensPerSecond'];
      for (const key of measured) expect(line[key], key).toEqual(known.includes(key) ? expect.any(Number) : null);
    }
    const times = column(run.metrics, 'wallSeconds');
    expect(times).toHaveLength(warmUpSteps + 3);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.at(-1)).toBeGreaterThan(times[0]!);
  });

  test('evaluates when it was told to, and after the last step of each phase', () => {
    const evaluated = run.metrics.filter((line) => line['eval/accuracy'] !== undefined);
    expect(evaluated.map(({ step }) => step)).toEqual([warmUpSteps, ...grpoSteps.slice(1)]);
    for (const accuracy of column(evaluated, 'eval/accuracy')) {
      expect(accuracy * 16).toBeCloseTo(Math.round(accuracy * 16), 9);
      expect(accuracy).toBeLessThanOrEqual(1);
    }
  });

  test('every completion it was trained on is written, and they explain the metrics of their step', () => {
    const byStep = Map.groupBy(run.completions, ({ step }) => step);
    expect([...byStep.keys()]).toEqual(grpoSteps);
    for (const [step, completions] of byStep) {
      const metrics = run.metrics[step - 1]!;
      expect(completions).toHaveLength(2 * 4);
      expect(metrics['reward/mean']).toBeCloseTo(mean(completions.map(({ reward }) => reward ?? Number.NaN)), 12);
      for (const { reward, rewards, finishReason } of completions) {
        const earned = finishReason === 'length' ? 0 : mean([rewards['math']!, rewards['thinking']!]);
        expect(reward).toBeCloseTo(earned, 12);
      }
      const ages = groupsOf(completions).map(
        (group) => Number(metrics['policyVersion']) - Math.min(...group.map(({ policyVersion }) => policyVersion)),
      );
      expect(metrics['policyAge']).toBeCloseTo(mean(ages), 12);
      expect(metrics['completions/truncated']).toBeCloseTo(
        mean(completions.map(({ finishReason }) => (finishReason === 'length' ? 1 : 0))),
        12,
      );
    }
  });

  test('a group is the completions of one prompt, trained on once, with advantages that cancel out', () => {
    const groups = groupsOf(run.completions);
    expect(groups).toHaveLength(3 * 2);
    for (const group of groups) {
      expect(group).toHaveLength(4);
      for (const key of ['step', 'prompt', 'target'] as const) {
        expect(new Set(group.map((one) => one[key])).size).toBe(1);
      }
      expect(mean(group.map(({ advantage }) => advantage))).toBeCloseTo(0, 6);
    }
  });

  test('nothing is trained on that is older than maxPolicyAge', () => {
    for (const { step, policyVersion } of run.completions) {
      const age = Number(run.metrics[step - 1]!['policyVersion']) - policyVersion;
      expect([0, 1]).toContain(age);
    }
    expect(column(run.metrics, 'policyVersion')).toEqual([1, 2, 3]);
  });

  test('config.yaml is the configuration of the run, and loads again', async () => {
    const written = await loadSettings(configSchema, { config: path.join(run.run, 'config.yaml'), overrides: [] });
    expect(written).toEqual(await loadSettings(configSchema, { config: defaultConfig, overrides: run.overrides }));
  });

  test('curves.svg shows reward and accuracy, and where GRPO begins', () => {
    const svg = readFileSync(path.join(run.run, 'curves.svg'), 'utf8');
    expect(svg.match(/<polyline points="[\d., -]+"/g)).toHaveLength(2);
    expect(svg).toContain('grpo begins');
  });

  test('the trained folder is a model that loads, of other weights than at the start and after the warm-up', async () => {
    const models = ['model', 'reference', 'trained'].map((name) => loadModel(path.join(run.run, name)));
    const [first, reference, trained] = await Promise.all(models);
    expect(trained!.config).toEqual({ ...first!.config, json: trained!.config.json });
    expect(trained!.tokenizer.encode('Tom has 12 apples')).toEqual(first!.tokenizer.encode('Tom has 12 apples'));
    const name = 'model.layers.0.self_attn.q_proj.weight';
    for (const other of [first, reference]) {
      expect(trained!.weights[name]!.data).not.toEqual(other!.weights[name]!.data);
    }
  });

  test('best/ has the weights of the first step with the best accuracy', async () => {
    const ofGrpo = run.metrics.filter(({ phase }) => phase === 'grpo');
    const [before, last] = column(ofGrpo, 'eval/accuracy');
    const models = await Promise.all(['best', 'trained'].map((name) => loadModel(path.join(run.run, name))));
    const [best, trained] = models.map(({ weights }) => weights['model.layers.0.self_attn.q_proj.weight']!.data);
    if (last! > before!) expect(best).toEqual(trained);
    else expect(best).not.toEqual(trained);
  });

  test('processes.jsonl says which processes there were, and how they ended', () => {
    const lines = readFileSync(path.join(run.run, 'processes.jsonl'), 'utf8').trimEnd().split('\n');
    const [last] = lines.slice(-1).map((line) => JSON.parse(line));
    const part = (name: string, kind: string) => {
      return { name, kind, replicas: [{ index: 0, state: 'stopped', restarts: 0 }] };
    };
    expect(last).toEqual({
      step: warmUpSteps + 3,
      wallSeconds: expect.any(Number),
      parts: [
        ...['dataset', 'buffer', 'trainer', 'torchstore'].map((name) => part(name, 'actor')),
        ...['generator', 'rewards', 'reference'].map((name) => part(name, 'service')),
      ],
    });
  });

  test.runIf(canSeeProcesses)('runs each part in a process of its own, and leaves neither process nor file', () => {
    const parts = [
      'buffer/0',
      'dataset/0',
      'generator_0/0',
      'reference_0/0',
      'rewards_0/0',
      'torchstore/0',
      'trainer/0',
    ];
    expect(run.processesSeen.filter((name) => name.endsWith('/0')).sort()).toEqual(parts);
    expect(run.processesLeft).toEqual([]);
    expect(run.filesLeft).toEqual([]);
  });
});

describe('a run whose rewards fail', () => {
  test('goes on to its end; what has no score is counted, told, and not learned from', async () => {
    const module = path.join(import.meta.dirname, 'fixtures', 'own-rewards.ts');
    const settings = ['reward.functions=[math,thinking,moody]', `reward.module=${module}`, 'reward.timeoutMs=300'];
    const run = await finish('failing-rewards', ['grpo.steps=4', 'diagnostics.printCompletions=1', ...settings]);
    expect({ code: run.code, stderr: run.stderr }).toEqual({ code: 0, stderr: '' });
    const unscored = run.completions.filter((line) => line.unscored !== undefined);
    expect(unscored.length).toBeGreaterThan(0);
    for (const line of unscored) expect(line).toMatchObject({ advantage: 0 });
    expect(unscored.every((line) => line.reward === undefined)).toBe(true);
    const ofGrpo = run.metrics.filter(({ phase }) => phase === 'grpo');
    expect(column(ofGrpo, 'reward/unscored').reduce((sum, count) => sum + count)).toBe(unscored.length);
    expect(run.stdout).toMatch(/^Warning: Without a score \((?:moody|any)\): /m);
    expect(run.stdout).toMatch(/^best {2}\d\.\d{3} {2}.* → /m);
    const warnings = readFileSync(path.join(run.run, 'warnings.jsonl'), 'utf8').trimEnd().split('\n');
    expect(warnings.map((line) => JSON.parse(line))).toContainEqual({
      step: expect.any(Number),
      wallSeconds: expect.any(Number),
      name: 'unscored',
      message: expect.stringContaining('Without a score'),
    });
    expect(run.processesLeft).toEqual([]);
  });
});

describe('the synchronous mode', () => {
  const steps = 4;
  const synchronous = ['grpo.maxPolicyAge=0', `grpo.steps=${steps}`, 'grpo.warmupSteps=1'];
  let runs: readonly Finished[];
  beforeAll(async () => {
    runs = await Promise.all([
      finish('first', [...synchronous, 'run.seed=5']),
      // On two generators, and each completion on its own: the run must not depend on what is decoded side by side.
      finish('second', [...synchronous, 'run.seed=5', 'generator.replicas=2', 'generator.maxSequences=1']),
      finish('other-seed', [...synchronous, 'run.seed=6']),
    ]);
  });

  /**
   * All that does not depend on how fast the machine was. What the generators count is theirs: how many there are, and
   * whether a group of the next step has ended when they are asked, decides where it stands.
   */
  const timeless = ({ metrics }: Finished) =>
    metrics.map((line) =>
      Object.fromEntries(Object.entries(untimed(line)).filter(([key]) => !key.startsWith('generator/'))),
    );

  test('trains on nothing but what the current weights gave', () => {
    for (const { code, metrics, completions } of runs) {
      expect(code).toBe(0);
      expect(column(metrics, 'policyAge')).toEqual(Array(steps).fill(0));
      expect(completions).toHaveLength(steps * 2 * 4);
    }
  });

  test('the same seed gives the same metrics and completions, to the last bit', () => {
    const [first, second] = runs;
    expect(timeless(second!)).toEqual(timeless(first!));
    expect(second!.completions).toEqual(first!.completions);
    const trained = first!.metrics.filter(({ phase }) => phase === 'grpo');
    expect(Math.max(...column(trained, 'gradNorm'))).toBeGreaterThan(0);
  });

  test('another seed gives another run', () => {
    const [first, , other] = runs;
    expect(column(other!.metrics, 'loss')).not.toEqual(column(first!.metrics, 'loss'));
    expect(other!.completions[0]!.prompt).not.toBe(first!.completions[0]!.prompt);
  });
});
