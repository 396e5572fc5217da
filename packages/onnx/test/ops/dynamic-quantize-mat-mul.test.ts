import { type Tensor, tensor } from '@forge/tensor';
import { describe, expect, test } from 'vitest';
import { dynamicQuantizeMatMul, graph, input, openSession, type Value } from '../../src/index.ts';

const [N, I, O] = [3, 32, 5];
const a_NI = Float32Array.from({ length: N * I }, (_, at) => Math.sin(at));

async function run(y: Value, feeds: Readonly<Record<string, Tensor>>): Promise<Float32Array> {
  await using session = await openSession(graph({ y }), { threads: 1 });
  return (await session.run({ a: tensor('float32', [N, I], a_NI), ...feeds }))['y']!.data as Float32Array;
}

/** The product by a weight [O, I] of float64 numbers, with the error that 8 bits of each activation may leave. */
function expectProduct(actual: Float32Array, weight: (o: number, i: number) => number): void {
  const step = 2 / 255; // the activations lie between -1 and 1
  for (let row = 0; row < N; row++) {
    for (let o = 0; o < O; o++) {
      let [sum, bound] = [0, 1e-5];
      for (let i = 0; i < I; i++) {
        sum += a_NI[row * I + i]! * weight(o, i);
        bound += step * Math.abs(weight(o, i));
      }
      expect(Math.abs(actual[row * O + o]! - sum)).toBeLessThan(bound);
    }
  }
}

describe('dynamicQuantizeMatMul', () => {
  const a = input('a', 'float32', ['N', I]);

  test('multiplies by columns with a scale each', async () => {
    const weight_IO = Int8Array.from({ length: I * O }, (_, at) => ((at * 37) % 255) - 127);
    const scale_O = Float32Array.from({ length: O }, (_, o) => (o + 1) / 100);
    const y = dynamicQuantizeMatMul(a, input('weight', 'int8', [I, O]), input('scale', 'float32', [O]));
    expect(y.shape).toEqual(['N', O]);
    const feeds = { weight: tensor('int8', [I, O], weight_IO), scale: tensor('float32', [O], scale_O) };
    expectProduct(await run(y, feeds), (o, i) => weight_IO[i * O + o]! * scale_O[o]!);
  });

  test('sizes that do not fit are refused', () => {
    const scale = input('scale', 'float32', [O]);
    expect(() => dynamicQuantizeMatMul(a, input('weight', 'int8', [I + 1, O]), scale)).toThrow('DynamicQuantizeMatMul');
  });
});
