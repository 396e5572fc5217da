import { thisHost } from '@forge/monarch';
import { expect, test } from 'vitest';
import {
  type BufferStateDict,
  type Group,
  policyVersionOf,
  ReplayBuffer,
  type ReplayBufferOptions,
  type Versioned,
} from '../src/index.ts';
import { episodeOf } from './episode-of.ts';

async function bufferOf(options: ReplayBufferOptions) {
  const procs = await thisHost().spawnProcs({ kind: 'inline' });
  const buffer = await procs.spawn('buffer', ReplayBuffer<Versioned>, options);
  const add = (number: number, policyVersion = 0) => buffer.add.callOne({ number, policyVersion });
  return { procs, buffer, add, [Symbol.asyncDispose]: () => procs.stop() };
}
const numbers = (batch: readonly Versioned[] | undefined) => batch?.map(({ number }) => number);

test('a batch is given when it is full, in the order of the numbers', async () => {
  await using held = await bufferOf({ batchSize: 3 });
  for (const number of [4, 1]) await held.add(number);
  expect(await held.buffer.sample.callOne(0)).toBeUndefined();
  for (const number of [3, 2]) await held.add(number);
  expect(numbers(await held.buffer.sample.callOne(0))).toEqual([1, 2, 3]);
});

test('one batch may have another size than those of the buffer', async () => {
  await using held = await bufferOf({ batchSize: 2 });
  for (const number of [4, 3, 2, 1]) await held.add(number);
  expect(await held.buffer.sample.callOne(0, 5)).toBeUndefined();
  expect(numbers(await held.buffer.sample.callOne(0, 1))).toEqual([1]);
  expect(numbers(await held.buffer.sample.callOne(0))).toEqual([2, 3]);
  await expect(held.buffer.sample.callOne(0, 0)).rejects.toThrow(/batchSize must be/);
  expect(await held.buffer.counts.callOne()).toEqual({ size: 1, added: 4, sampled: 3, evicted: 0 });
});

test('a group of episodes can be kept, and is as old as its oldest token', async () => {
  await using procs = await thisHost().spawnProcs({ kind: 'inline' });
  const Groups = ReplayBuffer<Group>;
  const buffer = await procs.spawn('groups', Groups, { batchSize: 1, maxPolicyAge: 1 });
  const episodes = [episodeOf([3, 4]), episodeOf([2, 3])];
  const group: Group = { number: 0, policyVersion: policyVersionOf(episodes), episodes };
  await buffer.add.callOne(group);
  expect(await buffer.sample.callOne(3)).toEqual([group]);
  await buffer.add.callOne(group);
  expect(await buffer.sample.callOne(4)).toBeUndefined();
});

test('an item is used once', async () => {
  await using held = await bufferOf({ batchSize: 1 });
  await held.add(1);
  expect(numbers(await held.buffer.sample.callOne(0))).toEqual([1]);
  expect(await held.buffer.sample.callOne(0)).toBeUndefined();
});

test('what lags behind by more versions than allowed is evicted and counted', async () => {
  await using held = await bufferOf({ batchSize: 2, maxPolicyAge: 1 });
  await held.add(1, 0);
  await held.add(2, 1);
  await held.add(3, 2);
  expect(numbers(await held.buffer.sample.callOne(2))).toEqual([2, 3]);
  expect(await held.buffer.counts.callOne()).toEqual({ size: 0, added: 3, sampled: 2, evicted: 1 });
});

test('age 0 keeps only what the current weights sampled', async () => {
  await using held = await bufferOf({ batchSize: 1, maxPolicyAge: 0 });
  await held.add(1, 4);
  expect(await held.buffer.sample.callOne(5)).toBeUndefined();
  await held.add(2, 5);
  expect(numbers(await held.buffer.sample.callOne(5))).toEqual([2]);
});

test('a buffer that was loaded from the state dict of another goes on as that one', async () => {
  await using first = await bufferOf({ batchSize: 2, maxPolicyAge: 1 });
  for (const [number, version] of [
    [5, 0],
    [4, 1],
    [3, 2],
    [2, 2],
    [1, 2],
  ] as const)
    await first.add(number, version);
  await first.buffer.sample.callOne(2);
  // As a checkpoint on disk has it.
  const state: BufferStateDict<Versioned> = JSON.parse(JSON.stringify(await first.buffer.stateDict.callOne()));
  await using second = await bufferOf({ batchSize: 2, maxPolicyAge: 1 });
  await second.add(99, 9);
  await second.buffer.loadStateDict.callOne(state);
  const counts = { size: 2, added: 5, sampled: 2, evicted: 1 };
  for (const { buffer } of [first, second]) {
    expect(await buffer.counts.callOne()).toEqual(counts);
    expect(numbers(await buffer.sample.callOne(2))).toEqual([3, 4]);
    expect(await buffer.counts.callOne()).toEqual({ ...counts, size: 0, sampled: 4 });
  }
});

test('a buffer is a service', async () => {
  const Buffer = ReplayBuffer<Versioned>;
  await using buffer = await Buffer.options({ kind: 'inline' }).asService({ batchSize: 1 });
  await buffer.add.route({ number: 1, policyVersion: 0 });
  expect(await buffer.stateDict.route()).toMatchObject({ items: [{ number: 1, policyVersion: 0 }], added: 1 });
  expect(numbers(await buffer.sample.route(0))).toEqual([1]);
  expect(await buffer.counts.route()).toEqual({ size: 0, added: 1, sampled: 1, evicted: 0 });
});

test.each([{ batchSize: 0 }, { batchSize: 1.5 }, { batchSize: 2, maxPolicyAge: -1 }])(
  'options %o are refused when it is spawned',
  async (options) => {
    await expect(bufferOf(options)).rejects.toThrow(/must be/);
  },
);
