import { describe, expect, test } from 'vitest';
import type { CompletionDelta } from '../../src/engine/completion-delta.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { streamCompletions } from '../../src/engine/stream-completions.ts';
import { resolveSamplingParams, type SamplingParams } from '../../src/sampling/sampling-params.ts';
import { decodeLetters, generate, openEngine } from '../golden-models.ts';

const ids = [4, 29, 98];

const open = (engine: Engine, sampling: SamplingParams, signal?: AbortSignal) =>
  streamCompletions(engine, { text: decodeLetters(ids), ids }, resolveSamplingParams(sampling), signal);

async function collect(stream: ReturnType<typeof open>) {
  const deltas: CompletionDelta[] = [];
  for (let next = await stream.next(); ; next = await stream.next()) {
    if (next.done) return { deltas, completions: next.value };
    deltas.push(next.value);
  }
}

describe('a stream', () => {
  test('is, put together, what generate gives', async () => {
    await using engine = await openEngine('qwen3_tied');
    const whole = await generate(engine, ids, { n: 3, maxTokens: 12, seed: 5 });
    const stop = decodeLetters(whole[1]!.tokenIds.slice(5, 7));
    const sampling: SamplingParams = { n: 3, maxTokens: 12, seed: 5, stop, topLogProbs: 2 };
    const expected = await generate(engine, ids, sampling);
    const { deltas, completions } = await collect(open(engine, sampling));
    const untimed = (all: typeof completions) => all.map(({ timing: _, ...completion }) => completion);
    expect(untimed(completions)).toEqual(untimed(expected));
    for (const completion of completions) {
      const own = deltas.filter(({ index }) => index === completion.index);
      expect(own.map(({ text }) => text).join('')).toBe(completion.text);
      expect(own.flatMap(({ tokenIds }) => tokenIds)).toEqual(completion.tokenIds);
      expect(own.flatMap(({ logProbs }) => [...logProbs])).toEqual([...completion.logProbs]);
      expect(own.flatMap(({ versions }) => [...versions])).toEqual([...completion.versions]);
      expect(own.flatMap(({ topLogProbs }) => topLogProbs)).toEqual(completion.topLogProbs);
      expect(own.filter(({ finishReason }) => finishReason)).toHaveLength(1);
      expect(own.at(-1)).toMatchObject({ finishReason: completion.finishReason });
    }
    expect(completions[1]).toMatchObject({ finishReason: 'stop', stoppedBy: stop });
  });

  test('that is left frees its slots', async () => {
    await using engine = await openEngine('qwen3_tied');
    for await (const { tokenIds } of open(engine, { n: 4, maxTokens: 500 })) {
      expect(tokenIds).toHaveLength(1);
      break;
    }
    await generate(engine, ids, { maxTokens: 1 });
    expect(engine.numRunning + engine.numWaiting).toBe(0);
  });

  test('ends with the reason of its signal', async () => {
    await using engine = await openEngine('qwen3_tied');
    const abort = new AbortController();
    const stream = open(engine, { maxTokens: 500 }, abort.signal);
    await stream.next();
    abort.abort(new Error('enough'));
    await expect(collect(stream)).rejects.toThrow('enough');
  });

  test('of a prompt that cannot be continued is refused with the first delta', async () => {
    await using engine = await openEngine('qwen3_tied', { maxModelLength: 3 });
    await expect(open(engine, {}).next()).rejects.toMatchObject({ code: 'ERR_GENERATOR_PROMPT' });
  });
});

test('a bias of a token that the model does not have is refused', async () => {
  await using engine = await openEngine('qwen3_tied');
  await expect(generate(engine, ids, { logitBias: { 100000: 1 } })).rejects.toMatchObject({
    code: 'ERR_GENERATOR_SAMPLING_PARAMS',
    field: 'logitBias',
  });
});

test('a bias decides', async () => {
  await using engine = await openEngine('qwen3_tied');
  const [completion] = await generate(engine, ids, { maxTokens: 4, temperature: 0, logitBias: { 17: 1000 } });
  expect(completion?.tokenIds).toEqual([17, 17, 17, 17]);
});
