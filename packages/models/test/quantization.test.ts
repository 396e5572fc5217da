import { type Graph, openSession } from '@forge/onnx';
import { type Tensor, tensor } from '@forge/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { generationGraph, initialize, QUANTIZATIONS, type Quantization, quantizeWeights } from '../src/index.ts';
import { multipliedWeights, sizeOf } from '../src/quantization/quantization.ts';
import { CachedDecoder, logSoftmaxOf } from './cached-decoder.ts';
import { goldenModel } from './golden-model.ts';

const model = await goldenModel('qwen3_tied');
const { config } = model;
const name = 'model.layers.0.mlp.down_proj.weight';
const [O, I] = model.weights[name]!.shape as readonly [number, number];

type Inputs = Awaited<ReturnType<typeof quantizeWeights>>;

/** What one number of a quantised weight stands for, and its scale. */
interface Restored {
  readonly value: number;
  readonly scale: number;
}

/** The plainest reading of each form: the number of output `o` and input `i`, of the `I` there are. */
const readings: Readonly<
  Record<Quantization, (values: Tensor, scales: Tensor, at: { o: number; i: number; O: number; I: number }) => Restored>
> = {
  int8({ data: values_IO }, { data: scales_O }, { o, i, O }) {
    const scale = Number(scales_O[o]);
    return { value: Number(values_IO[i * O + o]) * scale, scale };
  },
  int4({ data: bytes, shape }, { data: scales }, { o, i }) {
    const [, K, blockBytes] = shape as readonly [number, number, number];
    const block = o * K + Math.floor(i / (2 * blockBytes));
    const at = i % (2 * blockBytes);
    const byte = Number(bytes[block * blockBytes + (at >> 1)]);
    const scale = Number(scales[block]);
    return { value: ((at % 2 === 0 ? byte & 15 : byte >> 4) - 8) * scale, scale: Math.abs(scale) };
  },
  'int8-blocks'({ data: bytes, shape }, { data: scales }, { o, i }) {
    const [, K, W] = shape as readonly [number, number, number];
    const block = o * K + Math.floor(i / W);
    const scale = Number(scales[block]);
    return { value: (Number(bytes[block * W + (i % W)]) - 128) * scale, scale: Math.abs(scale) };
  },
};

/** The least and the largest number of each form. */
const limits: Readonly<Record<Quantization, readonly [number, number]>> = {
  int8: [-127, 127],
  'int8-blocks': [-128, 127],
  int4: [-8, 7],
};

/** The numbers [O, I] that the quantised form of a weight stands for. */
function restored(inputs: Inputs, weight: string, quantization: Quantization): readonly Restored[] {
  const joined = multipliedWeights(config).find(({ parts }) => parts.some((part) => part.name === weight))!;
  const [O, I] = sizeOf(joined);
  const [values, scales] = [
    inputs[`${joined.name}.${quantization}`]!,
    inputs[`${joined.name}.${quantization}_scales`]!,
  ];
  const index = joined.parts.findIndex((part) => part.name === weight);
  const first = joined.parts.slice(0, index).reduce((sum, { shape }) => sum + shape[0]!, 0);
  return Array.from({ length: joined.parts[index]!.shape[0]! * I }, (_, at) =>
    readings[quantization](values, scales, { o: first + Math.floor(at / I), i: at % I, O, I }),
  );
}

async function quantizedOnce(values: Float32Array<ArrayBuffer>, quantization: Quantization) {
  const weights = { ...model.weights, [name]: tensor('float32', [O, I], values) };
  return restored(await quantizeWeights(config, weights, quantization), name, quantization);
}

describe.each(QUANTIZATIONS)('%s', (quantization) => {
  test('a weight is as near as its scale says, and exact where it is 0', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1000 }), fc.constantFrom(1e-3, 1, 50), async (seed, size) => {
        const values = initialize(config, seed)[name]!.data.map((value, at) => (at % 7 === 0 ? 0 : value * size));
        for (const [at, { value, scale }] of (await quantizedOnce(values, quantization)).entries()) {
          // The end without the largest number of a block reaches one scale less far.
          const isCutOff = Math.abs(values[at]!) > (limits[quantization][1] + 0.49) * scale;
          expect(Math.abs(value - values[at]!)).toBeLessThanOrEqual(scale * (isCutOff ? 1.001 : 0.5005));
          if (values[at] === 0) expect(Math.abs(value)).toBe(0);
        }
      }),
      { numRuns: 10 },
    );
  });

  test('numbers that the form can say are said exactly', async () => {
    const [least, most] = limits[quantization];
    const exact = Float32Array.from({ length: O * I }, (_, at) =>
      at % I === 0 || at % 32 === 0 ? least * 0.25 : (least + ((at * 31) % (most - least + 1))) * 0.25,
    );
    const values = (await quantizedOnce(exact, quantization)).map(({ value }) => value);
    for (const [at, value] of values.entries()) expect(value).toBeCloseTo(exact[at]!, 5);
  });

  test('a row of zeros stays one', async () => {
    for (const { value } of await quantizedOnce(new Float32Array(O * I), quantization)) {
      expect(Math.abs(value)).toBe(0);
    }
  });

  test('what is not multiplied stays as it is, the very same', async () => {
    const quantized = await quantizeWeights(config, model.weights, quantization);
    for (const kept of ['model.embed_tokens.weight', 'model.norm.weight', 'model.layers.0.input_layernorm.weight']) {
      expect(quantized[kept]).toBe(model.weights[kept]);
    }
    expect(quantized[name]).toBeUndefined();
  });

  test('an abort ends it with its reason', async () => {
    const controller = new AbortController();
    const quantizing = quantizeWeights(config, model.weights, quantization, controller);
    controller.abort(new Error('newer weights'));
    await expect(quantizing).rejects.toThrow('newer weights');
  });

  test('the graph computes with the weights that it stands for, up to the rounding of activations', async () => {
    const quantized = await quantizeWeights(config, model.weights, quantization);
    // The embedding is looked up as it is and multiplied in its quantised form, so it needs a head of its own here.
    const untied = { ...config, tieWordEmbeddings: false };
    const multiplied = new Set(multipliedWeights(config).flatMap(({ parts }) => parts.map((part) => part.name)));
    const standsFor = Object.fromEntries(
      Object.entries(model.weights).map(([weight, { shape, data }]) => {
        if (!multiplied.has(weight)) return [weight, { dtype: 'float32', shape, data }];
        const values = restored(quantized, weight, quantization);
        const plain = Float32Array.from(values, ({ value }) => value);
        return [weight, tensor('float32', shape, plain)];
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
    const actual = await logits(generationGraph(config, { quantization }), quantized);
    for (const [row, wanted] of expected.entries()) {
      const [p, q] = [logSoftmaxOf(wanted), logSoftmaxOf(actual[row]!)];
      const divergence = p.reduce((sum, logProb, id) => sum + Math.exp(logProb) * (logProb - q[id]!), 0);
      expect(Math.max(...p) - Math.min(...p)).toBeGreaterThan(2); // far from all alike
      expect(divergence).toBeLessThan(0.01);
    }
  });
});
