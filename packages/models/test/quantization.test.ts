import { type Graph, openSession } from '@forge/onnx';
import { type Tensor, tensor } from '@forge/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { generationGraph, initialize, quantizeWeights } from '../src/index.ts';
import { CachedDecoder, logSoftmaxOf } from './cached-decoder.ts';
import { goldenModel } from './golden-model.ts';

const model = await goldenModel('qwen3_tied');
const { config } = model;
const name = 'model.layers.0.mlp.down_proj.weight';
const [O, I] = model.weights[name]!.shape as readonly [number, number];

type Quantized = Awaited<ReturnType<typeof quantizeWeights>>;

/** The float32 values [O, I] that the quantised form of a weight stands for, and how far each may be from the weight. */
function restored(quantized: Quantized, weight: string, [O, I]: readonly [number, number]) {
  const data_IO = quantized[`${weight}.int8`]!.data as Int8Array;
  const scales_O = quantized[`${weight}.int8_scales`]!.data as Float32Array;
  return Array.from({ length: O * I }, (_, index) => {
    const [row, at] = [Math.floor(index / I), index % I];
    return { value: data_IO[at * O + row]! * scales_O[row]!, bound: scales_O[row]! / 2 };
  });
}

async function quantizedOnce(values: Float32Array<ArrayBuffer>) {
  const weights = { ...model.weights, [name]: tensor('float32', [O, I], values) };
  return restored(await quantizeWeights(config, weights), name, [O, I]);
}

describe('int8', () => {
  test('a weight is as near as its scale says, and exact where it is 0', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1000 }), fc.constantFrom(1e-3, 1, 50), async (seed, size) => {
        const values = initialize(config, seed)[name]!.data.map((value, at) => (at % 7 === 0 ? 0 : value * size));
        for (const [at, { value, bound }] of (await quantizedOnce(values)).entries()) {
          expect(Math.abs(value - values[at]!)).toBeLessThanOrEqual(bound * 1.001);
          if (values[at] === 0) expect(Math.abs(value)).toBe(0);
        }
      }),
      { numRuns: 10 },
    );
  });

  test('a row of zeros stays one', async () => {
    for (const { value } of await quantizedOnce(new Float32Array(O * I))) expect(Math.abs(value)).toBe(0);
  });

  test('what is not multiplied stays as it is, the very same', async () => {
    const quantized = await quantizeWeights(config, model.weights);
    for (const kept of ['model.embed_tokens.weight', 'model.norm.weight', 'model.layers.0.input_layernorm.weight']) {
      expect(quantized[kept]).toBe(model.weights[kept]);
    }
    expect(quantized[name]).toBeUndefined();
  });

  test('the graph computes with the weights that it stands for, up to the rounding of activations', async () => {
    const quantized = await quantizeWeights(config, model.weights);
    // The embedding is looked up as it is and multiplied in its quantised form, so it needs a head of its own here.
    const untied = { ...config, tieWordEmbeddings: false };
    const standsFor = Object.fromEntries(
      Object.entries(model.weights).map(([weight, { shape, data }]) => {
        if (!(`${weight}.int8` in quantized)) return [weight, { dtype: 'float32', shape, data }];
        const values = restored(quantized, weight, shape as readonly [number, number]);
        return [
          weight,
          tensor(
            'float32',
            shape,
            Float32Array.from(values, ({ value }) => value),
          ),
        ];
      }),
    );
    const embedding = 'model.embed_tokens.weight';
    const plain = { ...standsFor, [embedding]: model.weights[embedding]!, 'lm_head.weight': standsFor[embedding]! };

    const prompts = model.expected.greedy.runs.map((run) => run.prompt_ids);
    const logits = async (graph: Graph, weights: Readonly<Record<string, Tensor>>) => {
      await using session = await openSession(graph, { threads: 1 });
      const decoder = new CachedDecoder({ ...model, weights, session }, { numSequences: prompts.length, capacity: 32 });
      return [...(await decoder.step(prompts)), ...(await decoder.step(prompts.map(() => [5])))];
    };
    const expected = await logits(generationGraph(untied), plain as Readonly<Record<string, Tensor>>);
    const actual = await logits(generationGraph(config, { quantization: 'int8' }), quantized);
    for (const [row, wanted] of expected.entries()) {
      const [p, q] = [logSoftmaxOf(wanted), logSoftmaxOf(actual[row]!)];
      const divergence = p.reduce((sum, logProb, id) => sum + Math.exp(logProb) * (logProb - q[id]!), 0);
      expect(Math.max(...p) - Math.min(...p)).toBeGreaterThan(2); // far from all alike
      expect(divergence).toBeLessThan(0.01);
    }
  });
});
