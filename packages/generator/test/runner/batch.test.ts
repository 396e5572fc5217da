import { expect, test } from 'vitest';
import { extendBatch, prefillBatch } from '../../src/runner/batch.ts';

test('prompts are padded at the right', () => {
  const batch = prefillBatch([[5, 6, 7], [8]], 3);
  expect(batch.input_ids.shape).toEqual([2, 3]);
  expect(batch.input_ids.data).toEqual(BigInt64Array.of(5n, 6n, 7n, 8n, 0n, 0n));
  expect(batch.position_ids.data).toEqual(BigInt64Array.of(0n, 1n, 2n, 0n, 1n, 2n));
  expect(batch.seqlens_k.data).toEqual(Int32Array.of(2, 0));
  expect(batch.total_sequence_length).toEqual({ dtype: 'int32', shape: [], data: Int32Array.of(3) });
});

test('a block wider than its prompts counts its padding', () => {
  const batch = prefillBatch([[5], [8]], 2);
  expect(batch.input_ids.data).toEqual(BigInt64Array.of(5n, 0n, 8n, 0n));
  expect(batch.total_sequence_length.data).toEqual(Int32Array.of(2));
});

test('a further piece stands after the tokens before it, and counts its padding', () => {
  const batch = extendBatch([1, 2, 3, 4, 5, 6], 2, 5, 4);
  expect(batch.input_ids).toEqual({ dtype: 'int64', shape: [1, 4], data: BigInt64Array.of(3n, 4n, 5n, 0n) });
  expect(batch.position_ids.data).toEqual(BigInt64Array.of(2n, 3n, 4n, 5n));
  expect(batch.seqlens_k.data).toEqual(Int32Array.of(5));
  expect(batch.total_sequence_length.data).toEqual(Int32Array.of(6));
});
