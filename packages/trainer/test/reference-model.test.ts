import { thisHost } from '@forge/monarch';
import { MetricLogger } from '@forge/observability';
import { expect, test } from 'vitest';
import { openTraining } from '../src/open-training.ts';
import type { Sequence } from '../src/packing/sequence.ts';
import { ReferenceModel } from '../src/reference-model.ts';
import { MortalReferenceModel } from './fixtures/mortal-reference-model.ts';
import { modelFolder } from './model-folder.ts';
import { tinyModel } from './tiny-model.ts';

const model = tinyModel(5);

const sequences: readonly Sequence[] = [
  { promptIds: [1, 2, 3], tokenIds: [4, 5, 6] },
  { promptIds: [7], tokenIds: [] },
  { promptIds: [8, 9], tokenIds: [10] },
];

test.each(['inline', 'process'] as const)(
  'a reference model (%s) scores completions as the trainer does',
  async (kind) => {
    await using folder = await modelFolder(model);
    await using training = await openTraining(model);
    const { logProbs } = await training.forward(sequences, { temperature: 0.6 });
    await using procs = await thisHost().spawnProcs({ kind });
    await using reference = await procs.spawn('reference', ReferenceModel, { model: folder.path, temperature: 0.6 });
    expect(await reference.forward.callOne(sequences)).toEqual(logProbs);
  },
);

test('a sequence that cannot be scored is the error of that call, and the model goes on', async () => {
  await using folder = await modelFolder(model);
  await using procs = await thisHost().spawnProcs({ kind: 'inline' });
  await using reference = await procs.spawn('reference', ReferenceModel, { model: folder.path });
  await expect(reference.forward.callOne([{ promptIds: [], tokenIds: [1] }])).rejects.toMatchObject({
    code: 'ERR_MONARCH_ACTOR',
    cause: { code: 'ERR_TRAINER_BATCH', sequence: 0 },
  });
  expect(await reference.forward.callOne(sequences.slice(2))).toHaveLength(1);
});

test('what the replicas recorded comes to a logger', async () => {
  await using folder = await modelFolder(model);
  await using service = await ReferenceModel.options({ numReplicas: 2 }).asService({ model: folder.path });
  await using logger = new MetricLogger([], { warn: (line) => expect.unreachable(line) });
  await logger.observe(() => service.drainMetrics.fanoutSettled());
  await logger.flush(0); // what other tests recorded in this process
  await Promise.all([service.forward.route(sequences), service.forward.route(sequences.slice(0, 1))]);
  expect(await logger.flush(1)).toMatchObject({
    'reference_perf/forward/count_forward_passes': 2,
    'reference_perf/forward/avg_sequence_length': (6 + 1 + 3 + 6) / 4,
  });
});

test('a packed batch is one pass, its prompts read once; a smaller budget gives the same in more', async () => {
  await using folder = await modelFolder(model);
  await using procs = await thisHost().spawnProcs({ kind: 'inline' });
  const groups = [
    [1, 2, 3, 4, 5],
    [6, 7, 8],
  ].flatMap((promptIds) => Array.from({ length: 8 }, (_, i) => ({ promptIds, tokenIds: [9 + i, 3, 10 - i] })));
  const passesOf = async (name: string, maxTokensPerMicroBatch: number) => {
    await using logger = new MetricLogger([], { warn: (line) => expect.unreachable(line) });
    await using reference = await procs.spawn(name, ReferenceModel, { model: folder.path, maxTokensPerMicroBatch });
    await logger.observe(async () => [await reference.drainMetrics.callOne()]);
    await logger.flush(0); // what other tests recorded in this process
    const scores = await reference.forward.callOne(groups);
    return { scores, passes: (await logger.flush(1))['reference_perf/forward/count_forward_passes'] };
  };
  const whole = await passesOf('whole', 1024);
  expect(whole.passes).toBe(1);
  const parts = await passesOf('parts', 24);
  expect(parts.passes).toBeGreaterThan(1);
  for (const [b, row] of whole.scores.entries()) {
    for (const [t, logProb] of row.entries()) expect(Math.abs(logProb - parts.scores[b]![t]!)).toBeLessThan(1e-5);
  }
});

test('what a killed replica was scoring is scored by another', async () => {
  await using folder = await modelFolder(model);
  await using service = await MortalReferenceModel.options({ numReplicas: 2 }).asService({ model: folder.path });
  const [victim = 0] = await service.pid.fanout();
  const alone = await service.forward.route(sequences);
  process.kill(victim, 'SIGSTOP'); // so that it has answered none of them when it is killed
  const calls = Array.from({ length: 6 }, () => service.forward.route(sequences));
  expect(service.state().replicas.map(({ activeRequests }) => activeRequests)).toEqual([3, 3]);
  process.kill(victim, 'SIGKILL');
  expect(await Promise.all(calls)).toEqual(calls.map(() => alone));
  expect(service.metrics().service.retriedRequests).toBe(3);
});
