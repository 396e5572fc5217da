import { graph, input, openSession, reshape } from '@forge/onnx';
import { tensor } from '@forge/tensor';
import { expect, test } from 'vitest';
import type { RopeConfig } from '../src/index.ts';
import { inverseFrequencies, rotationAt, rotationByTables, rotationTables } from '../src/rope.ts';
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

const places = input('positions', 'int64', ['tokens']);

test('angles stay those of float32 arithmetic up to position 131,071', async () => {
  const { config: golden } = await goldenModel('llama3_rope');
  const config = { ...golden, headDim: 128, rope: LLAMA_31 };
  const positions = [0, 1, 2047, 8191, 32_768, 65_537, 100_003, 131_071];
  const rotate = rotationAt(places, config);
  await using session = await openSession(graph({ y: rotate(input('x', 'float32', ['tokens', 1, 128])) }), {
    threads: 1,
  });
  // The first channel of each pair is 1 and the second 0: turned, they are cosine and sine.
  const x = tensor('float32', [positions.length, 1, 128]);
  for (const [token] of positions.entries()) x.data.fill(1, token * 128, token * 128 + 64);
  const { y } = await session.run({ positions: int64([positions.length], positions), x });
  const frequencies = inverseFrequencies(config.rope, config.headDim);
  const wanted = positions.flatMap((position) => {
    const angles = Array.from(frequencies, (each) => Math.fround(position * each));
    return [...angles.map(Math.cos), ...angles.map(Math.sin)];
  });
  expect(distance(y!.data as Float32Array, wanted)).toBeLessThan(1e-6);
});

test('tables hold the same angles', async () => {
  const { config: golden } = await goldenModel('llama3_rope');
  const config = { ...golden, headDim: 128, rope: LLAMA_31 };
  const numPositions = 131_072;
  const { cos, sin } = rotationTables(config, numPositions);
  expect([cos.shape, sin.shape]).toEqual([
    [numPositions, 64],
    [numPositions, 64],
  ]);
  const frequencies = inverseFrequencies(config.rope, config.headDim);
  for (const position of [0, 1, 2047, 100_003, 131_071]) {
    const angles = frequencies.map((each) => Math.fround(position * each));
    expect(distance(cos.data.subarray(position * 64, (position + 1) * 64), angles.map(Math.cos))).toBe(0);
    expect(distance(sin.data.subarray(position * 64, (position + 1) * 64), angles.map(Math.sin))).toBe(0);
  }
});

test('a rotation turns channel i with channel i + C/2, and keeps lengths; by tables as well', async () => {
  const { config: golden } = await goldenModel('llama');
  const config = { ...golden, headDim: 4, rope: { theta: 100 } };
  const x = input('x', 'float32', ['rows*tokens', 1, 4]);
  const positions = input('positions', 'int64', ['rows', 'tokens']);
  const turns = {
    inGraph: rotationAt(reshape(positions, [-1]), config),
    byTables: rotationByTables(positions, config),
  };
  const turnedBy = graph({ inGraph: turns.inGraph(x), byTables: turns.byTables(x) });
  await using session = await openSession(turnedBy, { threads: 1 });
  const outputs = await session.run({
    ...rotationTables(config, 6),
    positions: int64([2, 1], [0, 5]),
    x: tensor('float32', [2, 1, 4], Float32Array.of(1, 2, 3, 4, 1, 2, 3, 4)),
  });
  const [fast, slow] = [5, 0.5];
  const turned = [
    Math.cos(fast) - 3 * Math.sin(fast),
    2 * Math.cos(slow) - 4 * Math.sin(slow),
    3 * Math.cos(fast) + Math.sin(fast),
    4 * Math.cos(slow) + 2 * Math.sin(slow),
  ];
  for (const name of ['inGraph', 'byTables'] as const) {
    expect(distance(outputs[name]!.data as Float32Array, [1, 2, 3, 4, ...turned])).toBeLessThan(1e-5);
  }
});
