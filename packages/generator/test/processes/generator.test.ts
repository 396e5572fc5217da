import { initialize, loadTokenizer } from '@forge/models';
import { type MeshFailure, thisHost } from '@forge/monarch';
import { MetricLogger } from '@forge/observability';
import { openStore, policyVersionPrefix } from '@forge/torchstore';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Generator } from '../../src/generator.ts';
import { KillableGenerator } from '../fixtures/killable-generator.ts';
import { goldenFolder } from '../golden-models.ts';
import { type ModelFolder, makeModelFolder } from '../model-folder.ts';

let folder: ModelFolder;
beforeAll(async () => {
  folder = await makeModelFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

const question = 'What is 2 + 3?';
const threads = 1;

describe.each(['inline', 'process'] as const)('a generator, %s', (kind) => {
  test('continues text, tokens, conversations and batches of them', async () => {
    await using generator = await Generator.options({ kind }).asActor({ model: folder.path, threads });
    const tokenizer = await loadTokenizer(goldenFolder('tokenizer'));
    const sampling = { n: 2, maxTokens: 8, seed: 1 };
    const byText = await generator.generate.callOne(question, sampling);
    expect(byText).toHaveLength(2);
    for (const [index, completion] of byText.entries()) {
      expect(completion).toMatchObject({ prompt: question, promptIds: tokenizer.encode(question), index });
      expect(completion.text).toBe(tokenizer.decode(completion.tokenIds, { skipSpecialTokens: true }));
      expect(completion.logProbs).toBeInstanceOf(Float32Array);
      expect(completion.logProbs).toHaveLength(completion.tokenIds.length);
      expect(completion.versions).toEqual(new Int32Array(completion.tokenIds.length));
    }
    const texts = (completions: typeof byText) => completions.map(({ text }) => text);
    expect(texts(await generator.generate.callOne(tokenizer.encode(question), sampling))).toEqual(texts(byText));
    const messages = [{ role: 'user', content: question }];
    const rendered = tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true });
    const byChat = await generator.chat.callOne(messages, sampling);
    expect(byChat[0]?.prompt).toBe(rendered);
    let streamed = '';
    for await (const { value } of generator.stream.stream(question, sampling)) {
      streamed += value.index === 1 ? value.text : '';
    }
    expect(streamed).toBe(byText[1]?.text);
    let said = '';
    for await (const { value } of generator.streamChat.stream(messages, { ...sampling, n: 1 })) said += value.text;
    expect(said).toBe(byChat[0]?.text);
    const batch = await generator.generateBatch.callOne([question, rendered], sampling);
    expect(batch.map(texts)).toEqual([texts(byText), texts(byChat)]);
  });

  test('refuses what it cannot do, and says why', async () => {
    await using generator = await Generator.options({ kind }).asActor({ model: folder.path, threads });
    const causes = async (call: Promise<unknown>) => {
      const error: unknown = await call.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      return error instanceof Error ? error.cause : error;
    };
    expect(await causes(generator.generate.callOne(question, { topP: 2 }))).toMatchObject({
      code: 'ERR_GENERATOR_SAMPLING_PARAMS',
      field: 'topP',
    });
    expect(await causes(generator.generateBatch.callOne([question, '']))).toMatchObject({
      code: 'ERR_GENERATOR_PROMPT',
    });
    expect(await causes(generator.updateWeights.callOne(1))).toMatchObject({
      code: 'ERR_GENERATOR_NO_STORE',
      version: 1,
    });
    expect(await generator.generate.callOne(question, { maxTokens: 1 })).toHaveLength(1);
  });

  test('takes weights from the store while it generates, and refuses those of another model', async () => {
    await using store = await openStore();
    const options = { model: folder.path, store: store.reference, threads };
    await using generator = await Generator.options({ kind }).asActor(options);
    await store.putStateDict(policyVersionPrefix(1), initialize(folder.config, 1));
    await store.putStateDict(policyVersionPrefix(2), initialize(folder.config, 2));
    const { 'model.norm.weight': norm, ...incomplete } = initialize(folder.config, 3);
    expect(norm).toBeDefined();
    await store.putStateDict(policyVersionPrefix(3), incomplete);

    expect(await generator.getVersion.callOne()).toBe(0);
    const running = generator.generate.callOne(question, { maxTokens: 450, n: 4 });
    await Promise.all([generator.updateWeights.callOne(1), generator.updateWeights.callOne(2)]);
    expect(await generator.getVersion.callOne()).toBe(2);
    for (const { versions } of await running) expect([...versions]).toEqual([...versions].sort());

    await expect(generator.updateWeights.callOne(3)).rejects.toMatchObject({
      cause: {
        code: 'ERR_GENERATOR_WEIGHTS_MISMATCH',
        version: 3,
        message: expect.stringContaining('model.norm.weight'),
      },
    });
    await expect(generator.updateWeights.callOne(4)).rejects.toThrow('policy_ver_0000000004');
    const [completion] = await generator.generate.callOne(question, { maxTokens: 2 });
    expect(new Set(completion!.versions)).toEqual(new Set([2]));
    await generator.updateWeights.callOne(1, { mode: 'drain' });
    expect(await generator.getVersion.callOne()).toBe(1);
  });

  test('a cancelled call leaves its slots to others', async () => {
    await using generator = await Generator.options({ kind }).asActor({ model: folder.path, threads, maxSequences: 1 });
    const controller = new AbortController();
    const long = { maxTokens: 480, n: 100 };
    const cancelled = generator.generate.with({ signal: controller.signal }).callOne(question, long);
    const next = generator.generate.callOne(question, { maxTokens: 2 });
    controller.abort();
    await expect(cancelled).rejects.toThrow();
    expect(await next).toHaveLength(1);
  });
});

test('what the replicas of a service recorded comes to a logger, and does not wait for what is under way', async () => {
  await using store = await openStore();
  await store.putStateDict(policyVersionPrefix(1), initialize(folder.config, 1));
  await using service = await Generator.options({ numReplicas: 2 }).asService({
    model: folder.path,
    store: store.reference,
    threads,
  });
  await using logger = new MetricLogger([], { warn: (line) => expect.unreachable(line) });
  await logger.observe(() => service.drainMetrics.fanout());
  await logger.flush(0); // what other tests recorded in this process
  const groups = await Promise.all([1, 2, 3, 4].map(() => service.generate.route(question, { n: 3, maxTokens: 2 })));
  expect(await logger.flush(1)).toMatchObject({
    step: 1,
    'generator/generate/count_requests': 4,
    'generator/generate/count_sequences_completed': 12,
    'generator/generate/sum_tokens_generated': groups.flat().reduce((sum, { tokenIds }) => sum + tokenIds.length, 0),
  });
  const running = [1, 2].map(() => service.generate.route(question, { maxTokens: 450 }));
  const update = service.updateWeights.fanout(1, { mode: 'drain' });
  const first = await Promise.race([update.then(() => 'update'), logger.flush(2).then(() => 'metrics')]);
  expect(first).toBe('metrics');
  await Promise.all([...running, update]);
});

test('replicas of a service draw equally for a seeded request and all take new weights', async () => {
  await using store = await openStore({ kind: 'inline' });
  await using service = await Generator.options({ kind: 'inline', numReplicas: 2 }).asService({
    model: folder.path,
    store: store.reference,
    threads,
  });
  const everywhere = async () => {
    const calls = [1, 2, 3, 4].map(() => service.generate.route(question, { seed: 3, maxTokens: 6 }));
    return new Set((await Promise.all(calls)).map(([completion]) => completion!.text));
  };
  const before = await everywhere();
  expect(before.size).toBe(1);
  await store.putStateDict(policyVersionPrefix(5), initialize(folder.config, 5));
  await service.updateWeights.fanout(5);
  expect(await service.getVersion.fanout()).toEqual([5, 5]);
  const after = await everywhere();
  expect(after.size).toBe(1);
  expect(after).not.toEqual(before);
});

test('callers of a generator that is killed are rejected', async () => {
  const failures: MeshFailure[] = [];
  await using procs = await thisHost().spawnProcs({
    supervise: (failure) => {
      failures.push(failure);
      return true;
    },
  });
  await using killed = await procs.spawn('killed', KillableGenerator, { model: folder.path, threads });
  const calls = [
    killed.generate.callOne(question, { maxTokens: 480, n: 500 }),
    killed.generate.callOne(question, { maxTokens: 480, n: 500 }),
  ];
  process.kill(await killed.processId.callOne(), 'SIGKILL');
  for (const call of await Promise.allSettled(calls)) {
    expect(call).toMatchObject({ status: 'rejected', reason: { code: 'ERR_MONARCH_MESH' } });
  }
  expect(failures).toMatchObject([{ process: { signal: 'SIGKILL' } }]);
});
