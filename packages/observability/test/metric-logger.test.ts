import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { thisHost } from '@forge/monarch';
import { describe, expect, test } from 'vitest';
import { accumulate, consoleSink, jsonlSink, MetricLogger, type MetricRecord, recordMetric } from '../src/index.ts';
import { Recorder } from './fixtures/recorder.ts';

const unexpected = (line: string) => expect.unreachable(line);

test('a record joins what every process recorded', async () => {
  const records: MetricRecord[] = [];
  await using procs = await thisHost().spawnProcs({ perHost: { worker: 2 } });
  const workers = await procs.spawn('workers', Recorder);
  await using logger = new MetricLogger([{ write: (record) => records.push(record) }]);
  await logger.observe(procs);
  await workers.record.call('reward/mean', [1, 2]);
  await workers.slice({ worker: 0 }).record.callOne('reward/mean', [6]);
  logger.record('loss', 0.5);
  recordMetric('tokens', 10, 'sum');
  await logger.flush(7, { phase: 'grpo' });
  expect(records).toEqual([{ step: 7, phase: 'grpo', loss: 0.5, 'reward/mean': 12 / 5, tokens: 10 }]);
});

test('a function hands out metrics of processes that somebody else started', async () => {
  await using procs = await thisHost().spawnProcs({ perHost: { worker: 2 } });
  const workers = await procs.spawn('workers', Recorder);
  const alone = workers.slice({ worker: 1 });
  await using logger = new MetricLogger([], { warn: unexpected });
  await logger.observe(async () => [await alone.drainMetrics.callOne()]);
  await logger.observe(async () => (await workers.drainMetrics.call().settled()).values());
  await workers.record.call('ok', [1, 2]);
  expect(await logger.flush(1)).toEqual({ step: 1, ok: 1.5 });
  await alone.record.callOne('ok', [4]);
  expect(await logger.flush(2)).toEqual({ step: 2, ok: 4 });
});

describe('when an observed process is killed', () => {
  const twoWorkers = async () => {
    const procs = await thisHost().spawnProcs({ perHost: { worker: 2 }, supervise: () => true });
    const workers = await procs.spawn('workers', Recorder);
    const [, victim = 0] = (await workers.pid.call()).toArray();
    return { procs, workers, victim, [Symbol.asyncDispose]: () => procs.stop() };
  };

  test('the others are still recorded, and one line says which is left out', async () => {
    await using held = await twoWorkers();
    const warnings: string[] = [];
    await using logger = new MetricLogger([], { warn: (line) => warnings.push(line) });
    await logger.observe(held.procs);
    await held.workers.record.call('tokens', [8]);
    logger.record('loss', 0.5);
    process.kill(held.victim, 'SIGKILL');
    expect(await logger.flush(1)).toEqual({ step: 1, loss: 0.5, tokens: 8 });
    await held.workers.slice({ worker: 0 }).record.callOne('tokens', [9]);
    expect(await logger.flush(2)).toEqual({ step: 2, tokens: 9 });
    const end = `metrics/1 lost its process: process ${held.victim} was killed by SIGKILL.`;
    expect(warnings).toEqual([`The metrics of a process are left out from now on: ${end}`]);
  });

  test('a function that rejects for it is not called again', async () => {
    await using held = await twoWorkers();
    const warnings: string[] = [];
    await using logger = new MetricLogger([], { warn: (line) => warnings.push(line) });
    let calls = 0;
    await logger.observe(async () => {
      calls++;
      return [await held.workers.slice({ worker: 1 }).drainMetrics.callOne()];
    });
    await logger.flush(1);
    process.kill(held.victim, 'SIGKILL');
    for (const step of [2, 3, 4]) expect(await logger.flush(step)).toEqual({ step });
    expect(calls).toBe(2);
    expect(warnings).toEqual([expect.stringMatching(/left out from now on: workers\/1 .* was killed by SIGKILL/)]);
  });
});

test('a source that fails for a time is warned of once each time, and comes back', async () => {
  const warnings: string[] = [];
  await using logger = new MetricLogger([], { warn: (line) => warnings.push(line) });
  const metrics = { loss: accumulate('mean', 1) };
  const periods = ['busy', 'busy', [metrics], [{ ok: false, error: 'slow' }, metrics], 'busy'] as const;
  let period = 0;
  await logger.observe(async () => {
    const given = periods[period++]!;
    if (typeof given === 'string') throw new RangeError(`${given}\nin some detail`);
    return given;
  });
  const records = [];
  for (const step of periods.keys()) records.push((await logger.flush(step))['loss']);
  expect(records).toEqual([undefined, undefined, 1, 1, undefined]);
  expect(warnings).toEqual(
    ['busy', 'slow', 'busy'].map((why) => `The metrics of a process are missing in this record: ${why}`),
  );
});

test('a period starts empty', async () => {
  await using logger = new MetricLogger([]);
  logger.record('loss', 1);
  await logger.flush(0);
  expect(await logger.flush(1)).toEqual({ step: 1 });
});

test('the JSON-lines sink appends whole lines', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'forge-metrics-'));
  const file = path.join(folder, 'deep', 'metrics.jsonl');
  for (const step of [0, 1]) {
    await using logger = new MetricLogger([jsonlSink(file)]);
    logger.record('loss', step === 0 ? Number.NaN : 0.25);
    await logger.flush(step);
  }
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    { step: 0, loss: null },
    { step: 1, loss: 0.25 },
  ]);
  rmSync(folder, { recursive: true });
});

test('the console sink writes a block a step', async () => {
  let text = '';
  await using logger = new MetricLogger([consoleSink({ stream: { write: (part) => (text += part) } })]);
  logger.record('reward/mean', 1 / 3);
  await logger.flush(3, { phase: 'grpo' });
  expect(text).toBe('step 3\n  phase: grpo\n  reward/mean: 0.3333\n');
});
