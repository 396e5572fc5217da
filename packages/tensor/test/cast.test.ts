import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allocate, cast, type DType, dtypes, type TypedArrayOf, tensor } from '../src/index.ts';

const vector = <D extends DType>(dtype: D, data: TypedArrayOf[D]) => tensor(dtype, [data.length], data);

test('a cast to the same dtype is the same tensor', () => {
  const source = tensor('float32', [2, 2]);
  expect(cast(source, 'float32')).toBe(source);
});

test('small whole numbers survive a trip through any two dtypes', () => {
  for (const first of dtypes) {
    for (const second of dtypes) {
      const zeroAndOne = cast(vector('int32', Int32Array.of(0, 1, 1, 0)), first);
      expect(cast(cast(zeroAndOne, second), 'int32').data, `${first} to ${second}`).toEqual(Int32Array.of(0, 1, 1, 0));
    }
  }
});

test('floats become integers towards zero, saturate, and not-a-number becomes 0', () => {
  const source = vector('float32', Float32Array.of(-1.9, 1.9, 300, -300, Infinity, Number.NaN));
  expect(cast(source, 'int8').data).toEqual(Int8Array.of(-1, 1, 127, -128, 127, 0));
  expect(cast(source, 'uint8').data).toEqual(Uint8Array.of(0, 1, 255, 0, 255, 0));
  const wide = vector('float64', Float64Array.of(1e30, -1e30, -2.5, Number.NaN));
  expect(cast(wide, 'int64').data).toEqual(BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n), -2n, 0n));
  expect(cast(wide, 'uint64').data).toEqual(BigUint64Array.of(2n ** 64n - 1n, 0n, 0n, 0n));
});

test('integers wrap to a narrower width', () => {
  expect(cast(vector('int32', Int32Array.of(257, -1)), 'uint8').data).toEqual(Uint8Array.of(1, 255));
  expect(cast(vector('int64', BigInt64Array.of(2n ** 32n + 5n, -1n)), 'int32').data).toEqual(Int32Array.of(5, -1));
  expect(cast(vector('int64', BigInt64Array.of(-1n)), 'uint64').data).toEqual(BigUint64Array.of(2n ** 64n - 1n));
});

test('everything but zero is true, not-a-number included', () => {
  const source = vector('float32', Float32Array.of(0, -0, 0.25, Number.NaN));
  expect(cast(source, 'bool').data).toEqual(Uint8Array.of(0, 0, 1, 1));
  expect(cast(vector('float16', Uint16Array.of(0x8000, 1)), 'bool').data).toEqual(Uint8Array.of(0, 1));
});

test('a 64-bit integer is rounded once to float32', () => {
  // 2^61 + 2^37 is the tie between two float32 values; 1 more must round up, though a double cannot hold it.
  const data = BigInt64Array.of(2n ** 61n + 2n ** 37n, 2n ** 61n + 2n ** 37n + 1n, -(2n ** 61n) - 2n ** 37n - 1n);
  const up = Number(2n ** 61n + 2n ** 38n);
  expect(cast(vector('int64', data), 'float32').data).toEqual(Float32Array.of(2 ** 61, up, -up));
});

test('any 64-bit integer goes to the nearest float32', () => {
  const bits = new Uint32Array(1);
  const value = new Float32Array(bits.buffer);
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 2n ** 40n }), (integer) => {
      const [rounded] = cast(vector('int64', BigInt64Array.of(integer)), 'float32').data;
      value[0] = rounded!;
      const distance = (candidate: number) => {
        const difference = BigInt(candidate) - integer;
        return difference < 0n ? -difference : difference;
      };
      const own = distance(rounded!);
      for (const step of [-1, 1]) {
        value[0] = rounded!;
        if (rounded === 0 && step === -1) continue;
        bits[0]! += step;
        if (Number.isInteger(value[0])) expect(own <= distance(value[0])).toBe(true);
      }
    }),
  );
});

test('a new tensor starts with zeros of its dtype', () => {
  for (const dtype of dtypes) expect(tensor(dtype, [3]).data).toEqual(allocate(dtype, 3));
});
