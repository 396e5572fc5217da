import { Engine, Runner, resolveSamplingParams } from '@forge/generator';
import { initialize, parseConfig } from '@forge/models';
import { Random } from '@forge/tensor';
import { openTraining, type Training, type TrainingOptions } from '@forge/trainer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const vocabSize = 96;
/** Attention heads a key/value head: odd and even numbers take other ways. */
const models = [1, 2, 3].map((group) => {
  const config = parseConfig({
    architectures: ['Qwen3ForCausalLM'],
    model_type: 'qwen3',
    vocab_size: vocabSize,
    hidden_size: 24,
    intermediate_size: 40,
    num_hidden_layers: 2,
    num_attention_heads: 2 * group,
    num_key_value_heads: 2,
    head_dim: 8,
    max_position_embeddings: 512,
    rms_norm_eps: 1e-6,
    rope_theta: 1e6,
    tie_word_embeddings: group === 2,
    hidden_act: 'silu',
    initializer_range: 0.3,
  });
  return { group, config, weights: initialize(config, group) };
});
type TestModel = (typeof models)[number];

async function openEngine({ config, weights }: TestModel, kvCacheBytes: number, maxPrefillTokens: number) {
  const runner = await Runner.open(config, weights, { threads: 1, batchInvariant: true, kvCacheBytes });
  return new Engine({ runner, decode: () => '', maxSequences: 6, maxPrefillTokens });
}

const open = (model: TestModel, options: TrainingOptions = {}): Promise<Training> =>
  openTraining(model, { threads: 1, batchInvariant: true, ...options });

const request = fc.record({
  length: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 60, max: 140 })),
  /** Prompts of one family begin alike, so that some are found in the prefix cache. */
  family: fc.nat(2),
  n: fc.integer({ min: 1, max: 3 }),
  maxTokens: fc.integer({ min: 1, max: 40 }),
  wait: fc.nat(4),
});

describe('in batch-invariant mode the log-probabilities of generator and trainer are equal bit for bit', () => {
  test.each(models)('whatever runs beside a sequence on either side, $group heads a group', async (model) => {
    const properties = fc.asyncProperty(
      fc.array(request, { minLength: 1, maxLength: 6 }),
      fc.constantFrom(1, 0.7, 1.3),
      // Little memory: sequences lose their slots and are computed again.
      fc.constantFrom(200_000, 2 ** 24),
      fc.constantFrom(16, 4096), // long prompts in pieces, or at once
      fc.constantFrom<TrainingOptions>({}, { maxTokensPerMicroBatch: 64 }, { recompute: true }),
      async (requests, temperature, kvCacheBytes, maxPrefillTokens, options) => {
        await using engine = await openEngine(model, kvCacheBytes, maxPrefillTokens);
        await using training = await open(model, options);
        const running = requests.map(async ({ length, family, n, maxTokens, wait }, seed) => {
          const random = new Random(family);
          const ids = Array.from({ length }, () => random.integer(vocabSize));
          for (let turn = 0; turn < 3 * seed + wait; turn++) await new Promise(setImmediate);
          const params = resolveSamplingParams({ n, maxTokens, temperature, seed, topK: 20, repetitionPenalty: 1.1 });
          return engine.generate({ text: '', ids }, params);
        });
        const completions = (await Promise.all(running)).flat();
        const { logProbs } = await training.forward(completions, { temperature });
        for (const [at, completion] of completions.entries()) expect(completion.logProbs).toEqual(logProbs[at]);
        // A token by itself, so that the trainer has as little beside it as there can be.
        const masks = completions.map(({ tokenIds }, at) => tokenIds.map((_, t) => (at === 0 && t === 0 ? 1 : 0)));
        const alone = await training.forward(completions, { temperature, masks });
        expect(alone.logProbs[0]![0]).toBe(completions[0]!.logProbs[0]);
      },
    );
    await fc.assert(properties, { numRuns: 6 });
  });

  test('turns of a conversation included, whose beginning is copied from the prefix cache', async () => {
    const [model] = models;
    await using engine = await openEngine(model!, 2 ** 24, 4096);
    await using training = await open(model!);
    let ids: readonly number[] = [1, 2, 3];
    for (let turn = 0; turn < 4; turn++) {
      const params = resolveSamplingParams({ maxTokens: 30, seed: turn });
      const [completion] = await engine.generate({ text: '', ids }, params);
      expect(completion!.numCachedTokens).toBe(turn === 0 ? 0 : Math.floor((ids.length - 3) / 16) * 16);
      const { logProbs } = await training.forward([completion!]);
      expect(completion!.logProbs).toEqual(logProbs[0]);
      ids = [...completion!.promptIds, ...completion!.tokenIds, 7, 8];
    }
  });

  test('needs one thread', async () => {
    await expect(open(models[0]!, { threads: 2 })).rejects.toMatchObject({ option: 'threads' });
  });
});

test('outside of it they are equal within 1e-5', async () => {
  const [, model] = models;
  const runner = await Runner.open(model!.config, model!.weights, { threads: 1 });
  await using engine = new Engine({ runner, decode: () => '' });
  await using training = await openTraining(model!, { threads: 1 });
  const requests = Array.from({ length: 5 }, (_, seed) =>
    engine.generate({ text: '', ids: [seed, 5, 9] }, resolveSamplingParams({ n: 2, maxTokens: 60, seed })),
  );
  const completions = (await Promise.all(requests)).flat();
  const { logProbs } = await training.forward(completions);
  for (const [at, completion] of completions.entries()) {
    for (const [t, logProb] of completion.logProbs.entries()) {
      expect(Math.abs(logProb - logProbs[at]![t]!)).toBeLessThan(1e-5);
    }
  }
});
