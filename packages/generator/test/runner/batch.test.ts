import { expect, test } from 'vitest';
import { decodeBatch, prefillBatch } from '../../src/runner/batch.ts';

test('prompts are padded at the right, and the last token of each is known', () => {
  const batch = prefillBatch([[5, 6, 7], [8]], 3);
  expect(batch.input_ids.shape).toEqual([2, 3]);
  expect(batch.input_ids.data).toEqual(BigInt64Array.of(5n, 6n, 7n, 8n, 0n, 0n));
  expect(batch.position_ids.data).toEqual(BigInt64Array.of(0n, 1n, 2n, 0n, 1n, 2n));
  expect(batch.seqlens_k.data).toEqual(Int32Array.of(2, 0));
  expect(batch.total_sequence_length).toEqual({ dtype: 'int32', shape: [], data: Int32Array.of(3) });
  expect(batch.last_token.data).toEqual(BigInt64Array.of(2n, 0n));
});

test('a block wider than its prompts counts its padding', () => {
  const batch = prefillBatch([[5], [8]], 2);
  expect(batch.input_ids.data).toEqual(BigInt64Array.of(5n, 0n, 8n, 0n));
  expect(batch.total_sequence_length.data).toEqual(Int32Array.of(2));
  expect(batch.last_token.data).toEqual(BigInt64Array.of(0n, 0n));
});

test('a decode row stands at the end of its sequence', () => {
  const batch = decodeBatch([
    { tokenId: 5, numTokens: 4 },
    { tokenId: 6, numTokens: 9 },
  ]);
  expect(batch.input_ids).toEqual({ dtype: 'int64', shape: [2, 1], data: BigInt64Array.of(5n, 6n) });
  expect(batch.position_ids.data).toEqual(BigInt64Array.of(3n, 8n));
  expect(batch.seqlens_k.data).toEqual(Int32Array.of(3, 8));
  expect(batch.total_sequence_length.data).toEqual(Int32Array.of(9));
});
