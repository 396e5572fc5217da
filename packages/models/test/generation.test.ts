import { openSession } from '@forge/onnx';
import { describe, expect, test } from 'vitest';
import { generationGraph, logitsGraph, scoringGraph } from '../src/index.ts';
import { best, CachedDecoder, logSoftmaxOf } from './cached-decoder.ts';
import { ALL_MODELS, distance, type GoldenModel, goldenModel, padded, targetFeeds } from './golden-model.ts';

interface Greedy {
  readonly newIds: readonly (readonly number[])[];
  readonly logProbs: readonly (readonly number[])[];
}

async function greedy(model: GoldenModel, prompts: readonly (readonly number[])[]): Promise<Greedy> {
  const { max_new_tokens: numNew } = model.expected.greedy;
  await using session = await openSession(generationGraph(model.config), { threads: 1 });
  const capacity = Math.max(...prompts.map((prompt) => prompt.length)) + numNew;
  const decoder = new CachedDecoder({ ...model, session }, { numSequences: prompts.length, capacity });
  const newIds: number[][] = prompts.map(() => []);
  const logProbs: number[][] = prompts.map(() => []);
  let next = prompts;
  for (let step = 0; step < numNew; step += 1) {
    const logits = await decoder.step(next);
    next = logits.map((row, sequence) => {
      const id = best(row);
      newIds[sequence]!.push(id);
      logProbs[sequence]!.push(logSoftmaxOf(row)[id]!);
      return [id];
    });
  }
  return { newIds, logProbs };
}

describe.each(ALL_MODELS)('%s', async (name) => {
  const model = await goldenModel(name);
  const { runs } = model.expected.greedy;
  const prompts = runs.map((run) => run.prompt_ids);

  test('each prompt alone gives the tokens of transformers', async () => {
    for (const run of runs) {
      const { newIds, logProbs } = await greedy(model, [run.prompt_ids]);
      expect(newIds).toEqual([run.new_ids]);
      expect(distance(logProbs[0]!, run.new_logprobs)).toBeLessThan(1e-4);
    }
  });

  test('batched = alone: prompts of different lengths, padded on the right', async () => {
    const together = await greedy(model, prompts);
    expect(together.newIds).toEqual(runs.map((run) => run.new_ids));
    for (const [index, prompt] of prompts.entries()) {
      const alone = await greedy(model, [prompt]);
      expect(distance(together.logProbs[index]!, alone.logProbs[0]!)).toBeLessThan(1e-5);
    }
  });

  test('generation = scoring: the log-probabilities of both graphs agree', async () => {
    const { newIds, logProbs } = await greedy(model, prompts);
    const sequences = prompts.map((prompt, index) => [...prompt, ...newIds[index]!]);
    await using scoring = await openSession(scoringGraph(model.config), { threads: 1 });
    const packed = padded(sequences);
    const feeds = { ...packed.feeds, ...targetFeeds(sequences, packed), ...model.weights };
    const scored = [...((await scoring.run(feeds))['log_probs']!.data as Float32Array)];
    let start = 0;
    for (const [index, sequence] of sequences.entries()) {
      const end = start + sequence.length - 1;
      expect(distance(scored.slice(end - newIds[index]!.length, end), logProbs[index]!)).toBeLessThan(1e-5);
      start = end;
    }
  });

  test('cached = uncached: one token at a time, in pieces, and all at once', async () => {
    const sequence = model.sequences.reduce((a, b) => (b.length > a.length ? b : a));
    await using generation = await openSession(generationGraph(model.config), { threads: 1 });
    await using whole = await openSession(logitsGraph(model.config), { threads: 1 });
    const { logits } = await whole.run({ ...padded([sequence]).feeds, ...model.weights });
    const { vocabSize } = model.config;
    const uncached = (token: number): Float64Array =>
      logSoftmaxOf((logits!.data as Float32Array).subarray(token * vocabSize, (token + 1) * vocabSize));

    for (const numTokens of [1, 5, sequence.length]) {
      const options = { numSequences: 1, capacity: sequence.length + 3 };
      const decoder = new CachedDecoder({ ...model, session: generation }, options);
      for (let start = 0; start < sequence.length; start += numTokens) {
        const [row] = await decoder.step([sequence.slice(start, start + numTokens)]);
        expect(distance(logSoftmaxOf(row!), uncached(decoder.lengths[0]! - 1))).toBeLessThan(1e-5);
      }
    }
  });

  test('what lies in the padding and beyond the tokens of a cache does not matter', async () => {
    const [short, long] = [prompts[0]!, prompts[1]!];
    await using session = await openSession(generationGraph(model.config), { threads: 1 });
    const options = { numSequences: 2, capacity: 32 };
    const a = await new CachedDecoder({ ...model, session }, options).step([short, long], 0);
    const b = await new CachedDecoder({ ...model, session }, options).step([short, long], 7);
    expect(a).toEqual(b);
  });
});
