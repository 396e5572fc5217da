import { openSession } from '@forge/onnx';
import { type Tensor, tensor } from '@forge/tensor';
import { describe, expect, test } from 'vitest';
import { gradientName, trainingGraph } from '../src/index.ts';
import {
  distance,
  type GoldenModel,
  goldenGradients,
  goldenModel,
  layOut,
  MODELS,
  type PackedFeeds,
  padded,
  targetFeeds,
} from './golden-model.ts';

const THREADS = { threads: 1 };

/** The mean cross entropy of the next token as a weighted sum of log-probabilities. */
function crossEntropyFeeds(model: GoldenModel, packed: PackedFeeds): Record<string, Tensor> {
  const numTargets = model.expected.num_target_tokens;
  const weights = new Float32Array(numTargets).fill(-1 / numTargets);
  return { ...targetFeeds(model.sequences, packed), weights: tensor('float32', [numTargets], weights) };
}

function float32(value: Tensor | undefined): Float32Array {
  return value!.data as Float32Array; // every output asked for is there and float32
}

describe.each(MODELS)('%s', async (name) => {
  const model = await goldenModel(name);
  const expected = await goldenGradients(name);

  test('loss and gradients of every weight are those of PyTorch', async () => {
    await using session = await openSession(trainingGraph(model.config), THREADS);
    const packed = padded(model.sequences);
    const outputs = await session.run({ ...packed.feeds, ...crossEntropyFeeds(model, packed), ...model.weights });
    expect(Math.abs(float32(outputs['loss'])[0]! - model.expected.loss)).toBeLessThan(1e-5);
    expect(Object.keys(expected).toSorted()).toEqual(Object.keys(model.weights).toSorted());
    let squares = 0;
    for (const [parameter, gradient] of Object.entries(expected)) {
      const got = outputs[gradientName(parameter)];
      expect(got?.shape).toEqual(gradient.shape);
      expect(distance(float32(got), float32(gradient)), parameter).toBeLessThan(1e-5);
      squares += float32(got).reduce((sum, value) => sum + value * value, 0);
    }
    const norm = model.expected.adamw!.per_step[0]!.grad_norm; // the five main models have it
    expect(Math.abs(Math.sqrt(squares) - norm)).toBeLessThan(1e-4);
  });

  test('packed = padded: gradients do not depend on the arrangement', async () => {
    await using session = await openSession(trainingGraph(model.config), THREADS);
    const packed = layOut(model.sequences, [[2, 0], [1]]);
    const outputs = await session.run({ ...packed.feeds, ...crossEntropyFeeds(model, packed), ...model.weights });
    for (const [parameter, gradient] of Object.entries(expected)) {
      expect(distance(float32(outputs[gradientName(parameter)]), float32(gradient)), parameter).toBeLessThan(1e-5);
    }
  });
});

describe('a training graph', async () => {
  const model = await goldenModel('qwen3_untied');

  test('has gradients for the trainable weights only', async () => {
    const trainable = ['model.norm.weight', 'model.layers.1.mlp.up_proj.weight'];
    await using session = await openSession(trainingGraph(model.config, { trainable }), THREADS);
    const names = session.outputs.map((output) => output.name);
    expect(names).toEqual(['log_probs', 'entropy', 'loss', ...trainable.map(gradientName)]);
    const packed = padded(model.sequences);
    const outputs = await session.run({ ...packed.feeds, ...crossEntropyFeeds(model, packed), ...model.weights });
    const expected = await goldenGradients('qwen3_untied');
    for (const parameter of trainable) {
      expect(distance(float32(outputs[gradientName(parameter)]), float32(expected[parameter]))).toBeLessThan(1e-5);
    }
  });

  test('gradients of temperature-scaled log-probabilities equal finite differences', async () => {
    const parameter = 'model.layers.0.self_attn.k_norm.weight';
    await using session = await openSession(trainingGraph(model.config, { trainable: [parameter] }), THREADS);
    const packed = padded(model.sequences);
    const numTargets = model.expected.num_target_tokens;
    const feeds = {
      ...packed.feeds,
      ...targetFeeds(model.sequences, packed),
      temperature: tensor('float32', [], Float32Array.of(0.7)),
      weights: tensor(
        'float32',
        [numTargets],
        Float32Array.from({ length: numTargets }, (_, i) => Math.sin(i)),
      ),
      ...model.weights,
    };
    const gradient = float32((await session.run(feeds))[gradientName(parameter)]);
    const step = 1e-2;
    for (const [index, derivative] of gradient.entries()) {
      const losses: number[] = [];
      for (const sign of [1, -1]) {
        const moved = float32(model.weights[parameter]).slice();
        moved[index]! += sign * step;
        const outputs = await session.run({ ...feeds, [parameter]: tensor('float32', [moved.length], moved) });
        losses.push(float32(outputs['loss'])[0]!);
      }
      expect(Math.abs((losses[0]! - losses[1]!) / (2 * step) - derivative)).toBeLessThan(5e-3);
    }
  });

  test('refuses a name that is no weight', () => {
    expect(() => trainingGraph(model.config, { trainable: ['model.nothing'] })).toThrow(/model\.nothing/);
  });
});
