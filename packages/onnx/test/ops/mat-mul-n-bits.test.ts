import { type Tensor, tensor } from '@forge/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { graph, input, matMulNBits, openSession, type Value } from '../../src/index.ts';

const [N, O] = [3, 5];

async function run(y: Value, feeds: Readonly<Record<string, Tensor>>): Promise<Float32Array> {
  await using session = await openSession(graph({ y }), { threads: 1 });
  return (await session.run(feeds))['y']!.data as Float32Array;
}

describe('matMulNBits', () => {
  test('multiplies by what the packed numbers and the scales of their blocks stand for', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(4, 8),
        fc.constantFrom(32, 64),
        fc.constantFrom(32, 96, 128),
        fc.infiniteStream(fc.integer({ min: 0, max: 255 })),
        async (bits, blockSize, I, bytes) => {
          const K = Math.ceil(I / blockSize);
          const blockBytes = (blockSize * bits) / 8;
          const packed = Uint8Array.from({ length: O * K * blockBytes }, () => bytes.next().value as number);
          const scales = Float32Array.from({ length: O * K }, (_, at) => (at + 1) / 100);
          const a = Float32Array.from({ length: N * I }, (_, at) => Math.sin(at));
          const y = matMulNBits(
            input('a', 'float32', ['N', I]),
            input('weight', 'uint8', [O, K, blockBytes]),
            input('scale', 'float32', [O, K]),
            { bits: bits as 4 | 8, blockSize },
          );
          expect(y.shape).toEqual(['N', O]);
          const actual = await run(y, {
            a: tensor('float32', [N, I], a),
            weight: tensor('uint8', [O, K, blockBytes], packed),
            scale: tensor('float32', [O, K], scales),
          });
          const stored = (o: number, i: number): number => {
            const start = (o * K + Math.floor(i / blockSize)) * blockBytes;
            const at = i % blockSize;
            if (bits === 8) return packed[start + at]!;
            return (packed[start + (at >> 1)]! >> (4 * (at % 2))) & 15;
          };
          for (let row = 0; row < N; row++) {
            for (let o = 0; o < O; o++) {
              let [sum, bound] = [0, 1e-3];
              for (let i = 0; i < I; i++) {
                const weight = (stored(o, i) - 2 ** (bits - 1)) * scales[o * K + Math.floor(i / blockSize)]!;
                sum += a[row * I + i]! * weight;
                bound += Math.abs(weight) / 127 / 2; // activations lie between -1 and 1
              }
              expect(Math.abs(actual[row * O + o]! - sum)).toBeLessThan(bound);
            }
          }
        },
      ),
      { numRuns: 12 },
    );
  });

  test('sizes that do not fit are refused', () => {
    const a = input('a', 'float32', ['N', 64]);
    const weight = input('weight', 'uint8', [O, 2, 16]);
    const nBits = { bits: 4, blockSize: 32 } as const;
    expect(() => matMulNBits(a, weight, input('s', 'float32', [O, 3]), nBits)).toThrow('MatMulNBits');
    expect(() => matMulNBits(a, weight, input('s', 'float32', [O, 2]), { ...nBits, bits: 8 })).toThrow('MatMulNBits');
    const unknown = input('a', 'float32', ['N', 'width']);
    expect(() => matMulNBits(unknown, weight, input('s', 'float32', [O, 2]), nBits)).toThrow('MatMulNBits');
  });
});
