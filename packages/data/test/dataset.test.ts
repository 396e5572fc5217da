import { thisHost } from '@forge/monarch';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DatasetActor, type DatasetOptions, epochOrder, prepareTasks, type Sample } from '../src/index.ts';
import { windowAt, windowOrder, windowsOf } from '../src/order/windows.ts';
import { fileOf, golden, gsm8k } from './temporary-folder.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const targets = (samples: readonly Sample[]) => samples.map(({ target }) => Number(target));

async function opened(options: DatasetOptions) {
  const procs = await thisHost().spawnProcs({ kind: 'inline' });
  const actor = await procs.spawn('dataset', DatasetActor, options);
  const take = async (count: number) => {
    const samples: Sample[] = [];
    for (let i = 0; i < count; i++) samples.push(await actor.sample.callOne());
    return samples;
  };
  return { actor, take, [Symbol.asyncDispose]: () => procs.stop() };
}

test('an epoch is a permutation that seed and epoch determine', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.nat(), fc.nat(5), (length, seed, epoch) => {
      const order = epochOrder(length, seed, epoch);
      expect([...order].sort((a, b) => a - b)).toEqual(numbers(length));
      expect(epochOrder(length, seed, epoch)).toEqual(order);
    }),
  );
  expect(epochOrder(40, 1, 0)).not.toEqual(epochOrder(40, 1, 1));
  expect(epochOrder(40, 1, 0)).not.toEqual(epochOrder(40, 2, 0));
});

test('windows hold every record of every block once, and each index is in its window', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(sizes, fc.nat(), fc.nat(3), fc.integer({ min: 1, max: 50 }), (given, seed, epoch, bufferSize) => {
      const options = { seed, epoch, bufferSize };
      const windows = windowsOf(given, options);
      expect(windows.flatMap(({ blocks }) => blocks).toSorted((a, b) => a - b)).toEqual(numbers(given.length));
      let start = 0;
      for (const [at, window] of windows.entries()) {
        expect(window.start).toBe(start);
        expect(window.length).toBe(window.blocks.reduce((sum, block) => sum + given[block]!, 0));
        expect([...windowOrder(window, options)].toSorted((a, b) => a - b)).toEqual(numbers(window.length));
        for (const index of [start, start + window.length - 1]) expect(windowAt(windows, index)).toBe(at);
        start += window.length;
      }
    }),
  );
});

/** Enough for many blocks. */
const long = () =>
  fileOf(
    'long.jsonl',
    numbers(6000).map((i) => gsm8k(i).padEnd(150)),
  );

test.each<readonly [string, () => DatasetOptions]>([
  ['in memory', () => ({ path: fileOf('a.jsonl', numbers(300).map(gsm8k)), seed: 3 })],
  ['streamed from lines', () => ({ path: long(), seed: 3, streaming: true, bufferSize: 2000 })],
  [
    'streamed from row groups',
    () => ({ path: golden('gsm8k-zstd.parquet'), seed: 3, streaming: true, bufferSize: 20 }),
  ],
])(
  '%s, every epoch has each task once in an order of its own, and any number can be asked for at any time',
  async (_, options) => {
    const given = options();
    await using first = await opened(given);
    const [share] = await first.actor.sources.callOne();
    const size = share!.size!;
    const samples = await first.take(2 * size + 10);
    const epochs = [samples.slice(0, size), samples.slice(size, 2 * size)];
    for (const [epoch, of] of epochs.entries()) {
      expect(new Set(targets(of)).size).toBe(size);
      expect(of.every((sample) => sample.epoch === epoch)).toBe(true);
      expect(targets(of)).not.toEqual(targets(of).toSorted((a, b) => a - b));
    }
    expect(targets(epochs[1]!)).not.toEqual(targets(epochs[0]!));
    expect(samples.map(({ number }) => number)).toEqual(numbers(samples.length));

    await using second = await opened(given);
    for (const number of [samples.length - 1, 0, size, size - 1, 7]) {
      expect(await second.actor.sampleAt.callOne(number)).toEqual(samples[number]);
    }
    await second.actor.loadStateDict.callOne({ ...(await first.actor.stateDict.callOne()), number: size + 3 });
    expect(await second.take(7)).toEqual(samples.slice(size + 3, size + 10));
    await expect(second.actor.sampleAt.callOne(-1)).rejects.toThrow(/number is -1/);
  },
);

test('streamed, a record is far from its neighbours in the file', async () => {
  await using dataset = await opened({ path: long(), streaming: true, bufferSize: 1500 });
  const order = targets(await dataset.take(500));
  const near = order.slice(1).filter((target, i) => Math.abs(target - order[i]!) < 3);
  expect(near.length).toBeLessThan(20);
});

test('without shuffling, the order is that of the file', async () => {
  const path = fileOf('a.jsonl', numbers(5).map(gsm8k));
  for (const streaming of [false, true]) {
    await using dataset = await opened({ path, shuffle: false, streaming });
    expect(targets(await dataset.take(7))).toEqual([0, 1, 2, 3, 4, 0, 1]);
  }
});

test('a mixture deals by weight, each source through its own epochs, and goes on from any number', async () => {
  const [a, b] = [
    fileOf('a.jsonl', numbers(10).map(gsm8k)),
    fileOf(
      'b.jsonl',
      numbers(4).map((i) => gsm8k(100 + i)),
    ),
  ];
  const sources = [
    { path: a, name: 'a', weight: 3 },
    { path: b, name: 'b' },
    { task: 'addition', weight: 1 },
  ];
  await using first = await opened({ sources, seed: 1 });
  const samples = await first.take(100);
  const bySource = Map.groupBy(samples, ({ source }) => source);
  expect([...bySource].map(([name, of]) => [name, Math.round(of.length / 20)])).toEqual(
    expect.arrayContaining([
      ['a', 3],
      ['b', 1],
      ['addition', 1],
    ]),
  );
  for (const [name, size] of [
    ['a', 10],
    ['b', 4],
  ] as const) {
    const of = bySource.get(name)!;
    for (let start = 0; start + size <= of.length; start += size) {
      expect(new Set(targets(of.slice(start, start + size))).size).toBe(size);
    }
    expect(of.map(({ epoch }) => epoch)).toEqual(of.map((_, i) => Math.floor(i / size)));
  }
  await using second = await opened({ sources, seed: 1 });
  for (const number of [99, 3, 50]) expect(await second.actor.sampleAt.callOne(number)).toEqual(samples[number]);
  expect(await second.actor.sources.callOne()).toEqual([
    { name: 'a', share: 0.6, size: 10 },
    { name: 'b', share: 0.2, size: 4 },
    { name: 'addition', share: 0.2 },
  ]);
});

test('an index made elsewhere is served as it is, by a process of its own', async () => {
  const path = long();
  const { sources } = await prepareTasks({
    sources: [{ path, name: 'long' }],
    heldOut: { count: 5, by: 'hash' },
    streaming: true,
  });
  await using dataset = await DatasetActor.asActor({ sources: sources.filter((source) => 'index' in source), seed: 2 });
  const [share] = await dataset.sources.callOne();
  expect(share!.size).toBeGreaterThan(5500);
  expect(await dataset.sample.callOne()).toMatchObject({ number: 0, epoch: 0, source: 'long' });
});

test('a state of other data is refused and changes nothing', async () => {
  await using two = await opened({ path: fileOf('a.jsonl', numbers(2).map(gsm8k)), name: 'a' });
  await using three = await opened({ path: fileOf('a.jsonl', numbers(3).map(gsm8k)), name: 'a' });
  const state = await three.actor.stateDict.callOne();
  await expect(two.actor.loadStateDict.callOne(state)).rejects.toThrow(/cannot continue from number 0/);
  const own = await two.actor.stateDict.callOne();
  await expect(two.actor.loadStateDict.callOne({ ...own, number: 0.5 })).rejects.toThrow(/number 0\.5/);
  expect(await two.actor.stateDict.callOne()).toEqual(own);
});

test('a data set is a service', async () => {
  const path = fileOf('served.jsonl', [gsm8k(1)]);
  await using dataset = await DatasetActor.options({ kind: 'inline' }).asService({ path });
  expect(await dataset.sample.route()).toMatchObject({ target: '1', epoch: 0, source: path });
  expect(await dataset.stateDict.route()).toMatchObject({ number: 1 });
});

test.each<readonly [string, () => DatasetOptions, RegExp]>([
  [
    'a malformed file',
    () => ({ path: fileOf('a.jsonl', ['{"question": "x"}']) }),
    /a\.jsonl:1: its fields are question/,
  ],
  ['no source', () => ({ sources: [] }), /A data set needs a source/],
  ['a weight of 0', () => ({ sources: [{ task: 'addition', weight: 0 }] }), /a weight is 0; expected one above 0/],
  [
    'a name twice',
    () => ({ sources: [{ task: 'addition' }, { task: 'addition' }] }),
    /addition: two sources have that name/,
  ],
  ['an option of a set that is none', () => ({ task: 'addition', options: { size: 2 } }), /addition/],
  [
    'a stream of what has no middle',
    () => ({ path: fileOf('a.jsonl.gz', ''), streaming: true }),
    /is compressed as a whole/,
  ],
])('an actor over %s does not start', async (_, options, message) => {
  await expect(opened(options())).rejects.toThrow(message);
});
