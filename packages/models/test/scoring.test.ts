import { openSession } from '@forge/onnx';
import { type Tensor, tensor } from '@forge/tensor';
import { describe, expect, test } from 'vitest';
import { logitsGraph, scoringGraph } from '../src/index.ts';
import {
  ALL_MODELS,
  distance,
  type GoldenModel,
  goldenModel,
  layOut,
  MODELS,
  type PackedFeeds,
  padded,
  targetFeeds,
} from './golden-model.ts';

const THREADS = { threads: 1 };

/** The vectors of `width` numbers at the places of real tokens, one after the other. */
function atPlaces({ data }: Tensor, places: PackedFeeds['places'], width: number): number[] {
  const values = data as Float32Array; // every output and golden activation is float32
  return places.flat().flatMap((place) => [...values.subarray(place * width, (place + 1) * width)]);
}

async function logProbsOf(
  model: GoldenModel,
  packed: PackedFeeds,
  temperature = 1,
): Promise<Record<string, Float32Array>> {
  await using session = await openSession(scoringGraph(model.config), THREADS);
  const outputs = await session.run({
    ...packed.feeds,
    ...targetFeeds(model.sequences, packed),
    temperature: tensor('float32', [], Float32Array.of(temperature)),
    ...model.weights,
  });
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array]));
}

describe.each(ALL_MODELS)('%s', async (name) => {
  const model = await goldenModel(name);
  const { config, sequences, tensors, weights } = model;

  test('logits are those of transformers', async () => {
    await using session = await openSession(logitsGraph(config), THREADS);
    const { feeds, places } = padded(sequences);
    const { logits } = await session.run({ ...feeds, ...weights });
    const expected = atPlaces(tensors['logits']!, places, config.vocabSize);
    expect(distance(atPlaces(logits!, places, config.vocabSize), expected)).toBeLessThan(1e-4);
  });

  test('log-probabilities of the next token are those of transformers', async () => {
    const [, numTokens] = padded(sequences).shape;
    const expected = tensors['next_token_logprobs']!.data as Float32Array; // [rows, tokens - 1]
    const { log_probs: logProbs } = await logProbsOf(model, padded(sequences));
    const wanted = sequences.flatMap((ids, row) => {
      const start = row * (numTokens - 1);
      return [...expected.subarray(start, start + ids.length - 1)];
    });
    expect(distance(logProbs!, wanted)).toBeLessThan(1e-4);
  });

  test('packed = padded: several sequences share a row, in any arrangement', async () => {
    const { log_probs: expected, entropy } = await logProbsOf(model, padded(sequences));
    for (const rows of [[[0, 1, 2]], [[2, 0], [1]], [[1], [0, 2]]]) {
      const packed = await logProbsOf(model, layOut(sequences, rows));
      expect(distance(packed['log_probs']!, expected!)).toBeLessThan(1e-5);
      expect(distance(packed['entropy']!, entropy!)).toBeLessThan(1e-5);
    }
  });

  test('batched = alone', async () => {
    const { log_probs: together } = await logProbsOf(model, padded(sequences));
    const alone: number[] = [];
    for (const sequence of sequences) {
      const { log_probs: part } = await logProbsOf({ ...model, sequences: [sequence] }, padded([sequence]));
      alone.push(...part!);
    }
    expect(distance(together!, alone)).toBeLessThan(1e-5);
  });
});

describe.each(MODELS)('inside %s', async (name) => {
  const { config, sequences, tensors, weights } = await goldenModel(name);

  test('every hidden state is that of transformers', async () => {
    await using session = await openSession(logitsGraph(config, { hiddenStates: true }), THREADS);
    const { feeds, places } = padded(sequences);
    const outputs = await session.run({ ...feeds, ...weights });
    for (let layer = 0; layer <= config.numHiddenLayers; layer += 1) {
      const name = `hidden_states.${layer}`;
      const expected = atPlaces(tensors[name]!, places, config.hiddenSize);
      expect(distance(atPlaces(outputs[name]!, places, config.hiddenSize), expected)).toBeLessThan(1e-4);
    }
  });
});

describe('the head', async () => {
  const model = await goldenModel('qwen3_tied');
  const { config, sequences, weights } = model;

  test('temperature divides the logits, and entropy belongs to what remains', async () => {
    await using session = await openSession(logitsGraph(config), THREADS);
    const packed = padded(sequences);
    const { logits } = await session.run({ ...packed.feeds, ...weights });
    for (const temperature of [0.6, 1, 1.7]) {
      const expected = packed.places.flatMap((places, row) =>
        places.slice(0, -1).map((place, token) => {
          const at = place * config.vocabSize;
          const scaled = Float64Array.from(
            (logits!.data as Float32Array).subarray(at, at + config.vocabSize),
            (logit) => logit / temperature,
          );
          const total = Math.log(scaled.reduce((sum, logit) => sum + Math.exp(logit), 0));
          return {
            logProb: scaled[sequences[row]![token + 1]!]! - total,
            entropy: scaled.reduce((sum, logit) => sum - Math.exp(logit - total) * (logit - total), 0),
          };
        }),
      );
      const scored = await logProbsOf(model, packed, temperature);
      expect(
        distance(
          scored['log_probs']!,
          expected.map(({ logProb }) => logProb),
        ),
      ).toBeLessThan(1e-5);
      expect(
        distance(
          scored['entropy']!,
          expected.map(({ entropy }) => entropy),
        ),
      ).toBeLessThan(1e-5);
    }
  });

  test('what stands in the padding does not matter, and stays finite', async () => {
    await using session = await openSession(logitsGraph(config), THREADS);
    const rows = sequences.map((_, index) => [index]);
    const results: Float32Array[] = [];
    for (const paddingId of [0, 5]) {
      const { feeds, places } = layOut(sequences, rows, paddingId);
      const { logits } = await session.run({ ...feeds, ...weights });
      expect((logits!.data as Float32Array).every(Number.isFinite)).toBe(true);
      results.push(Float32Array.from(atPlaces(logits!, places, config.vocabSize)));
    }
    expect(results[0]).toEqual(results[1]);
  });
});
