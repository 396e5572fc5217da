import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { thisHost } from '@forge/monarch';
import { expect, test } from 'vitest';
import { consoleSink, jsonlSink, MetricLogger, type MetricRecord, recordMetric } from '../src/index.ts';
import { Recorder } from './fixtures/recorder.ts';

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
