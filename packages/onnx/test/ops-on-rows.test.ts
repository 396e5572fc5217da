import { tensor } from '@forge/tensor';
import { expect, test } from 'vitest';
import { graph, input, reshape, rotaryEmbedding } from '../src/index.ts';
import { runModel } from './support/run.ts';

test('a reshape of a reshape is one node, and back to the first shape it is none', () => {
  const x = input('x', 'float32', ['rows', 'tokens', 6]);
  const flat = reshape(x, ['rows*tokens', 6]);
  expect(reshape(flat, ['rows', 'tokens', 6], { sizesFrom: [x] })).toBe(x);
  const heads = reshape(flat, ['rows', 'tokens', 2, 3], { sizesFrom: [x] });
  expect(graph({ heads }).nodes.map(({ op }) => op)).toEqual(['Reshape']);
});

test('a rotation may take one row of the tables a token, in order', async () => {
  const x = input('x', 'float32', [1, 'tokens', 4]);
  const positions = input('positions', 'int64', [1]);
  const tables = [input('cos', 'float32', ['tokens', 1]), input('sin', 'float32', ['tokens', 1])] as const;
  const model = graph({ y: rotaryEmbedding(x, { positions, cos: tables[0], sin: tables[1] }) });
  const { y } = await runModel(model, {
    x: tensor('float32', [1, 2, 4], Float32Array.of(1, 2, 3, 4, 1, 2, 3, 4)),
    positions: tensor('int64', [1]),
    cos: tensor('float32', [2, 1], Float32Array.of(0, -1)),
    sin: tensor('float32', [2, 1], Float32Array.of(1, 0)),
  });
  // Two heads of two channels: a quarter turn for the first token, half a turn for the second.
  expect([...(y!.data as Float32Array)]).toEqual([-2, 1, -4, 3, -1, -2, -3, -4]);
});
