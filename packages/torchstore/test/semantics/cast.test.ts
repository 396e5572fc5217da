import { bytesOf, cast, type DType, elementCount, type Tensor, tensor } from '@forge/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { distribute, layoutRegion, MismatchError, rankCount, shard } from '../../src/index.ts';
import { distributions, numbered, shapes } from '../arbitraries.ts';
import { bits, cut, failure, testStore, variants } from './stores.ts';

const floats = ['float32', 'float16', 'bfloat16', 'float64'] as const satisfies DType[];

/** Floats of all sizes, ties and infinities among them. */
function floatTensor(dtype: (typeof floats)[number], shape: readonly number[]): Tensor {
  const values = [0, -0, 1, 1 / 3, 1.00390625, 1.01171875, 65504, 65520, 1e-8, -3.5e38, Number.POSITIVE_INFINITY];
  const data = Float32Array.from(
    { length: elementCount(shape) },
    (_, index) => values[index % values.length]! * (1 + index),
  );
  return cast(tensor('float32', shape, data), dtype);
}

describe.each(variants)('$name', ({ options }) => {
  test('a get with a cast is the cast of what was put, in any layout and in place', async () => {
    const { store } = await testStore(options);
    let keys = 0;
    const anyTwo = shapes.chain((shape) => fc.tuple(fc.constant(shape), distributions(shape), distributions(shape)));
    const dtype = fc.constantFrom(...floats);
    await fc.assert(
      fc.asyncProperty(anyTwo, dtype, dtype, async ([shape, source, target], from, to) => {
        keys += 1;
        const key = `k${keys}`;
        const whole = floatTensor(from, shape);
        for (let rank = 0; rank < rankCount(source.mesh); rank += 1)
          await store.put(key, distribute(whole, { ...source, rank }));
        const expected = cast(whole, to);
        expect(bits(await store.get(key, { dtype: to }))).toEqual(bits(expected));
        const layout = { ...target, rank: keys % rankCount(target.mesh) };
        const region = layoutRegion(shape, layout);
        const into = tensor(to, region.size);
        expect(await store.get(key, { layout, into, dtype: to })).toBe(into);
        expect(bits(into)).toEqual(bits(cut(expected, region)));
        await store.delete(key);
      }),
      { numRuns: 60 },
    );
  });

  test('a tensor larger than the scratch memory is cast whole', async () => {
    const { store } = await testStore(options);
    const shape = [3, 1_500_000];
    const whole = tensor('float32', shape);
    for (let index = 0; index < whole.data.length; index += 1) whole.data[index] = index / 7;
    await store.put('w', whole);
    const got = await store.get('w', { dtype: 'bfloat16' });
    expect(Buffer.compare(bytesOf(got), bytesOf(cast(whole, 'bfloat16')))).toBe(0);
    const layout = { mesh: [2], placements: [shard(1)], rank: 1 };
    const half = await store.get('w', { dtype: 'float16', layout });
    const expected = cut(cast(whole, 'float16'), layoutRegion(shape, layout));
    expect(Buffer.compare(bytesOf(half), bytesOf(expected))).toBe(0);
  });

  test('without the request another dtype is an error, and whole numbers are not cast', async () => {
    const { store } = await testStore(options);
    await store.put('f', numbered('float32', [4]));
    await store.put('i', numbered('int32', [4]));
    const into = tensor('bfloat16', [4]);
    const error = await failure(store.get('f', { into }));
    expect(error).toBeInstanceOf(MismatchError);
    expect(error).toMatchObject({ expected: 'float32 [4]', actual: 'bfloat16 [4]' });
    expect(await failure(store.get('f', { into, dtype: 'float16' as never }))).toBeInstanceOf(MismatchError);
    expect(await failure(store.get('i', { dtype: 'float32' }))).toBeInstanceOf(MismatchError);
    expect(into).toEqual(tensor('bfloat16', [4]));
    expect(bits(await store.get('f', { into, dtype: 'bfloat16' }))).toEqual(
      bits(cast(numbered('float32', [4]), 'bfloat16')),
    );
  });

  test('only the bytes that overlap move, of one replica', async () => {
    const { store } = await testStore(options);
    const whole = floatTensor('float32', [8, 100]);
    for (let rank = 0; rank < 4; rank += 1)
      await store.put('w', distribute(whole, { mesh: [4], placements: [shard(0)], rank }));
    const moved = async (task: () => Promise<unknown>) => {
      const bytes = async () => {
        const { tmpfs, websocket, inline } = (await store.statistics()).client.gets.bytes;
        return tmpfs + websocket + inline;
      };
      const before = await bytes();
      await task();
      return (await bytes()) - before;
    };
    const region = { offset: [1, 10], size: [4, 20] };
    expect(await moved(() => store.get('w', { region }))).toBe(4 * 20 * 4);
    expect(await moved(() => store.get('w', { region, dtype: 'bfloat16' }))).toBe(4 * 20 * 4);
    expect(await moved(() => store.get('w', { layout: { mesh: [9], placements: [shard(0)], rank: 8 } }))).toBe(0);
  });
});
