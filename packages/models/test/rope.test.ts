import { graph, input, openSession } from '@forge/onnx';
import { tensor } from '@forge/tensor';
import { expect, test } from 'vitest';
import type { RopeConfig } from '../src/index.ts';
import { inverseFrequencies, rotate, rotationAt } from '../src/rope.ts';
import { distance, goldenModel, int64 } from './golden-model.ts';

const LLAMA_31: RopeConfig = {
  theta: 500_000,
  llama3: { factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositionEmbeddings: 8192 },
};

test('frequencies fall from 1 by a constant ratio', () => {
  const frequencies = inverseFrequencies({ theta: 10_000 }, 8);
  expect(distance(frequencies, [1, 0.1, 0.01, 0.001])).toBeLessThan(1e-8);
});

test('llama3 keeps short periods, stretches long ones, and blends between', () => {
  const plain = inverseFrequencies({ theta: LLAMA_31.theta }, 128);
  const scaled = inverseFrequencies(LLAMA_31, 128);
  const ratios = Array.from(scaled, (frequency, pair) => plain[pair]! / frequency);
  const period = (pair: number): number => (2 * Math.PI) / plain[pair]!;
  for (const [pair, ratio] of ratios.entries()) {
    if (period(pair) < 8192 / 4) expect(ratio).toBe(1);
    else if (period(pair) > 8192) expect(ratio).toBeCloseTo(8, 5);
    else expect(ratio > 1 && ratio < 8).toBe(true);
  }
  expect(ratios.filter((ratio) => ratio > 1 && ratio < 7.99).length).toBeGreaterThan(3);
});

test('angles stay those of float32 arithmetic up to position 131,071', async () => {
  const { config: golden } = await goldenModel('llama3_rope');
  const config = { ...golden, headDim: 128, rope: LLAMA_31 };
  const positions = [0, 1, 2047, 8191, 32_768, 65_537, 100_003, 131_071];
  const rotation = rotationAt(input('positions', 'int64', ['tokens']), config);
  await using session = await openSession(graph({ cos: rotation.cos_Nc, sin: rotation.sin_Nc }), { threads: 1 });
  const outputs = await session.run({ positions: int64([positions.length], positions) });
  const frequencies = inverseFrequencies(config.rope, config.headDim);
  const angles = positions.flatMap((position) => Array.from(frequencies, (each) => Math.fround(position * each)));
  expect(distance(outputs['cos']!.data as Float32Array, angles.map(Math.cos))).toBeLessThan(1e-6);
  expect(distance(outputs['sin']!.data as Float32Array, angles.map(Math.sin))).toBeLessThan(1e-6);
});

test('a rotation turns channel i with channel i + C/2, and keeps lengths', async () => {
  const { config: golden } = await goldenModel('llama');
  const config = { ...golden, headDim: 4, rope: { theta: 100 } };
  const rotation = rotationAt(input('positions', 'int64', ['tokens']), config);
  const y = rotate(input('x', 'float32', ['tokens', 1, 4]), rotation);
  await using session = await openSession(graph({ y }), { threads: 1 });
  const outputs = await session.run({
    positions: int64([2], [0, 5]),
    x: tensor('float32', [2, 1, 4], Float32Array.of(1, 2, 3, 4, 1, 2, 3, 4)),
  });
  const [fast, slow] = [5, 0.5];
  const turned = [
    Math.cos(fast) - 3 * Math.sin(fast),
    2 * Math.cos(slow) - 4 * Math.sin(slow),
    3 * Math.cos(fast) + Math.sin(fast),
    4 * Math.cos(slow) + 2 * Math.sin(slow),
  ];
  expect(distance(outputs['y']!.data as Float32Array, [1, 2, 3, 4, ...turned])).toBeLessThan(1e-5);
});
