import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { KvCache } from '../../../src/runner/cache/kv-cache.ts';
import { each, inTurns, type Pieces } from '../../../src/runner/cache/pieces.ts';
import { atOnce } from './at-once.ts';

/** A piece that takes longer than the event loop should wait. */
function* slowly(): Pieces {
  const startedMs = performance.now();
  while (performance.now() - startedMs < 1.6);
  yield;
}

test('the event loop turns between pieces that take long', async () => {
  let [numTurns, isOver] = [0, false];
  const turning = async () => {
    for (; !isOver; numTurns++) await nextTurn();
  };
  const turns = turning();
  await inTurns(each([1, 2, 3, 4, 5, 6, 7, 8], slowly));
  isOver = true;
  await turns;
  expect(numTurns).toBeGreaterThanOrEqual(8);
});

test('pieces come in order, and the result is theirs', async () => {
  const order: number[] = [];
  const numbered = function* (): Pieces<string> {
    yield* each([1, 2, 3], function* (number) {
      order.push(number);
      yield;
    });
    return 'done';
  };
  expect(await inTurns(numbered())).toBe('done');
  expect(order).toEqual([1, 2, 3]);
});

test('a failure ends the rest', async () => {
  const failing = function* (): Pieces {
    yield;
    throw new RangeError('no memory');
  };
  await expect(inTurns(failing())).rejects.toThrow('no memory');
});

test('keys and values are copied by a megabyte at most', () => {
  const [numTokens, headDim, bytes] = [5000, 128, 4];
  const cache = new KvCache({ numLayers: 1, numKvHeads: 2, headDim });
  atOnce(cache.resize({ numSlots: 2, capacity: numTokens }));
  const numCopied = 2 * 2 * numTokens * headDim * bytes; // keys and values of two heads
  const atLeast = numCopied / 2 ** 20;
  expect([...cache.copySlot(cache, { from: 0, to: 1 }, numTokens)].length).toBeGreaterThanOrEqual(atLeast);
  expect([...cache.resize({ numSlots: 4, capacity: 2 * numTokens })].length).toBeGreaterThanOrEqual(2 * atLeast);
  expect([...cache.read(0, 0, cache.allocateBlock(1000))].length).toBeGreaterThanOrEqual(atLeast / 5);
});
