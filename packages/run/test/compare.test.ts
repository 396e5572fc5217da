import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { compareRuns } from '../src/compare/compare-runs.ts';
import { describeComparison } from '../src/compare/describe-comparison.ts';
import { type RecordedRun, readRun } from '../src/compare/read-run.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'forge-compare-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A run of so many steps whose accuracy rises by a tenth every second step. */
const runOf = (name: string, steps: number, settings: Readonly<Record<string, string>> = {}): RecordedRun => ({
  folder: `runs/${name}`,
  settings: new Map(Object.entries(settings)),
  records: Array.from({ length: steps }, (_, i) => ({
    step: i + 1,
    phase: i < 2 ? 'warmup' : 'grpo',
    wallSeconds: 2 * i,
    metrics: { loss: 1 / (i + 1), tokensPerSecond: 100, ...(i % 2 === 0 && { 'eval/accuracy': i / 10 }) },
  })),
});
const changed = (run: RecordedRun, at: number, key: string, value: number): RecordedRun => ({
  ...run,
  records: run.records.map((record, i) =>
    i === at ? { ...record, metrics: { ...record.metrics, [key]: value } } : record,
  ),
});

test('a summary tells steps, first, last and best, and when accuracies were reached first', () => {
  const [summary] = compareRuns([runOf('a', 9)], { accuracies: [0.3, 0.8, 0.9] }).runs;
  expect(summary).toEqual({
    folder: 'runs/a',
    steps: { warmup: 2, grpo: 7 },
    seconds: 16,
    accuracy: { first: 0, last: 0.8, best: 0.8 },
    reward: undefined,
    tokensPerSecond: 100,
    reached: [
      { accuracy: 0.3, at: { step: 5, seconds: 8 } },
      { accuracy: 0.8, at: { step: 9, seconds: 16 } },
      { accuracy: 0.9 },
    ],
  });
});

test('settings that differ are told with the value of each run, but for its name', () => {
  const a = runOf('a', 1, { 'run.seed': '1', 'run.name': '"a"', 'grpo.steps': '3' });
  const b = runOf('b', 1, { 'run.seed': '1', 'run.name': '"b"', 'grpo.beta': '0' });
  expect(compareRuns([a, b]).settings).toEqual([
    { key: 'grpo.steps', values: ['3', undefined] },
    { key: 'grpo.beta', values: [undefined, '0'] },
  ]);
});

test('the first step where two runs differ is found, and there alone what differs', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), fc.nat(), fc.nat(10), (steps, at, longer) => {
      const place = at % steps;
      const a = runOf('a', steps);
      const b = changed(runOf('b', steps + longer), place, 'kl', 0.5);
      expect(compareRuns([a, runOf('same', steps + longer)]).stepByStep).toEqual([
        { runs: ['runs/a', 'runs/same'], common: steps },
      ]);
      expect(compareRuns([a, b]).stepByStep).toEqual([
        { runs: ['runs/a', 'runs/b'], common: steps, first: { step: place + 1, metrics: { kl: [undefined, 0.5] } } },
      ]);
    }),
  );
});

test.each(['tokensPerSecond', 'perf/waitSeconds', 'rl_trainer_perf/push/total_duration_ms', 'generator/tokens'])(
  '%s depends on time and makes no difference',
  (key) => {
    const [{ first } = { first: 'none' }] = compareRuns([runOf('a', 3), changed(runOf('b', 3), 1, key, 7)]).stepByStep;
    expect(first).toBeUndefined();
  },
);

test('a text says it in tables', () => {
  const runs = [runOf('a', 9, { 'run.seed': '1' }), changed(runOf('b', 5, { 'run.seed': '2' }), 3, 'loss', 9)];
  const text = describeComparison(compareRuns(runs, { accuracies: [0.3] }), runs);
  expect(text).toMatch(/^ +a +b\n +steps +2 warmup, 7 grpo +2 warmup, 3 grpo\n/);
  expect(text).toMatch(/accuracy 0\.3 +step 5, 8 s +step 5, 8 s/);
  expect(text).toMatch(/Settings that differ:\n +a +b\n +run\.seed +1 +2\n/);
  expect(text).toMatch(/eval\/accuracy +a +▁▂▄▅▇\n/);
  expect(text).toMatch(/a and b differ first in step 4, of 5 that both have:\n +loss +0\.25 +9\n$/);
});

test('sections that not every run has are one row each', () => {
  const runs = [
    runOf('a', 1, { 'grpo.steps': '1', 'grpo.beta': '0', 'run.seed': '1' }),
    runOf('b', 1, { 'run.seed': '2' }),
  ];
  expect(describeComparison(compareRuns(runs), runs)).toMatch(/ +a +b\n +grpo\.\* +has it +–\n +run\.seed +1 +2\n/);
});

const write = (name: string, lines: string, config?: string) => {
  const run = path.join(folder, name);
  mkdirSync(run);
  writeFileSync(path.join(run, 'metrics.jsonl'), lines);
  if (config !== undefined) writeFileSync(path.join(run, 'config.yaml'), config);
  return run;
};

test('a run that is still writing, and has no configuration, is read as far as it is there', () => {
  const run = write('writing', '{"step":1,"phase":"grpo","wallSeconds":3,"loss":0.5,"kl":null}\n{"step":2,"pha');
  expect(readRun(run)).toEqual({
    folder: run,
    settings: new Map(),
    records: [{ step: 1, phase: 'grpo', wallSeconds: 3, metrics: { loss: 0.5 } }],
  });
});

const command = path.resolve(import.meta.dirname, '../src/forge-compare.ts');
const compare = (...args: readonly string[]) =>
  new Promise<{ readonly code: number | string | null | undefined; readonly stdout: string; readonly stderr: string }>(
    (resolve) =>
      execFile(process.execPath, [command, ...args], (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
      ),
  );

test('the command prints it, or JSON, and refuses what is no run', async () => {
  const line = '{"step":1,"phase":"grpo","wallSeconds":3,"loss":0.5}\n';
  const [a, b] = [write('one', line, 'run:\n  seed: 1\n'), write('two', line, 'run:\n  seed: 1\n')];
  const [text, json, none, wrong] = await Promise.all([
    compare(a, b),
    compare(a, b, '--json', '--accuracies', '0.5'),
    compare(path.join(folder, 'absent')),
    compare(a, '--accuracies', 'high'),
  ]);
  expect(text).toMatchObject({ code: 0, stdout: expect.stringContaining('one and two are equal to the last bit') });
  expect(JSON.parse(json.stdout)).toMatchObject({ settings: [], runs: [{ reached: [{ accuracy: 0.5 }] }, {}] });
  expect(none).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('has no metrics.jsonl') });
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('expected numbers from 0 to 1') });
});
