import { initialize, parseConfig } from '@forge/models';
import { expect, test } from 'vitest';
import type { Completion } from '../../src/engine/completion.ts';
import { Engine } from '../../src/engine/engine.ts';
import { Runner } from '../../src/runner/runner.ts';
import type { RunnerOptions } from '../../src/runner/runner-options.ts';
import type { SamplingParams } from '../../src/sampling/sampling-params.ts';
import { generate } from '../golden-models.ts';

/** The smallest vocabulary whose softmax is summed in the graph. */
const config = parseConfig({
  architectures: ['Qwen3ForCausalLM'],
  vocab_size: 4096,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  max_position_embeddings: 256,
  tie_word_embeddings: true,
  initializer_range: 0.3,
});
const weights = initialize(config, 0);
const prompt = [5, 1000, 4095, 17];
const open = async (options: RunnerOptions = {}) =>
  new Engine({
    runner: await Runner.open(config, weights, { threads: 2, ...options }),
    decode: (ids) => ids.join(' '),
  });
const tokensOf = (completions: readonly Completion[]) => completions.map(({ tokenIds }) => tokenIds);

const params: readonly SamplingParams[] = [
  { seed: 1, n: 3, maxTokens: 24 },
  { seed: 2, temperature: 0.6, maxTokens: 24 },
  { seed: 3, temperature: 0, maxTokens: 24 },
  { seed: 4, temperature: 1.3, logProbs: 'raw', maxTokens: 24 },
  { seed: 5, topP: 0.9, maxTokens: 24 },
];

test('requests of different temperatures in one batch give what each gives alone', async () => {
  await using together = await open();
  const batch = await Promise.all(params.map((sampling) => generate(together, prompt, sampling)));
  for (const [at, sampling] of params.entries()) {
    await using alone = await open();
    expect(tokensOf(batch[at]!)).toEqual(tokensOf(await generate(alone, prompt, sampling)));
  }
});

test('batch-invariant bits hold with the softmax of the graph', async () => {
  const invariant = { threads: 1, batchInvariant: true };
  await using together = await open(invariant);
  const batch = await Promise.all(params.map((sampling) => generate(together, prompt, sampling)));
  for (const [at, sampling] of params.entries()) {
    await using alone = await open(invariant);
    const wanted = await generate(alone, prompt, sampling);
    expect(tokensOf(batch[at]!)).toEqual(tokensOf(wanted));
    expect(batch[at]!.map(({ logProbs }) => logProbs)).toEqual(wanted.map(({ logProbs }) => logProbs));
  }
});

test('log-probabilities are those of the whole vocabulary', async () => {
  await using engine = await open();
  const { tokenIds, logProbs } = (await generate(engine, prompt, { seed: 9, temperature: 0.8, maxTokens: 12 }))[0]!;
  await using runner = await Runner.open(config, weights, { threads: 1 });
  const room = { numSlots: 1, longest: 64 };
  await runner.prefill([{ ids: prompt.slice(0, -1), slots: [0] }], room);
  const all = [...prompt, ...tokenIds];
  for (const [at, id] of tokenIds.entries()) {
    const numTokens = prompt.length + at;
    const { values_V } = (await runner.decode([{ nextId: all[numTokens - 1]!, numTokens }]))[0]!;
    const largest = values_V.reduce((a, b) => Math.max(a, b));
    const total = values_V.reduce((sum, logit) => sum + Math.exp((logit - largest) / 0.8), 0);
    expect(logProbs[at]).toBeCloseTo((values_V[id]! - largest) / 0.8 - Math.log(total), 5);
  }
});

test('a quantised model draws from its own softmax', async () => {
  await using engine = await open({ quantization: 'int8' });
  const [completion] = await generate(engine, prompt, { seed: 1, maxTokens: 8 });
  expect(completion?.tokenIds).toHaveLength(8);
});
