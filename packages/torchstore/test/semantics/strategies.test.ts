import { thisHost } from '@forge/monarch';
import { expect, test } from 'vitest';
import { attachStore, type SelectVolume } from '../../src/index.ts';
import { Latency } from '../../src/latency.ts';
import { homesOf } from '../../src/strategy.ts';
import { numbered } from '../arbitraries.ts';
import { failure, filled, onlyValue, testStore } from './stores.ts';

const volumes = [
  { id: 'v0', isNear: false },
  { id: 'v1', isNear: true },
  { id: 'v2', isNear: true },
];

test('the nearest volumes share the ranks of their host, and the first or the rank decides where it is asked to', () => {
  const firsts = (strategy: Parameters<typeof homesOf>[0], seen = volumes) =>
    [0, 1, 2, 3].map((rank) => homesOf(strategy, { rank, replicas: 1, volumes: seen })[0]);
  expect(firsts('nearest')).toEqual(['v1', 'v2', 'v1', 'v2']);
  expect(firsts('nearest', [volumes[0]!, { id: 'v3', isNear: false }])).toEqual(['v0', 'v3', 'v0', 'v3']);
  expect(firsts('single')).toEqual(['v0', 'v0', 'v0', 'v0']);
  expect(firsts('rank')).toEqual(['v0', 'v1', 'v2', 'v0']);
});

test('replicas go to the volumes that follow in a ring, as many as there are', () => {
  expect(homesOf('rank', { rank: 2, replicas: 2, volumes })).toEqual(['v2', 'v0']);
  expect(homesOf('single', { rank: 2, replicas: 5, volumes })).toEqual(['v0', 'v1', 'v2']);
});

test('a program chooses volumes itself, each process with its own function', async () => {
  const last: SelectVolume = (_, all) => all.at(-1)!.id;
  const { store } = await testStore({ volumes: 3, transport: 'tmpfs', inlineBytes: 0, selectVolume: last });
  await store.put('a', numbered('int8', [4]));
  expect((await store.stat('a'))?.parts[0]?.place.volume).toBe('v2');
  await using other = attachStore(store.reference, { selectVolume: (rank) => `v${rank + 1}` });
  await other.put('a', numbered('int8', [4]));
  expect((await store.stat('a'))?.parts[0]?.place.volume).toBe('v1');
  await using wrong = attachStore(store.reference, { selectVolume: () => 'none' });
  expect(await failure(wrong.put('a', numbered('int8', [4])))).toBeInstanceOf(RangeError);
});

test('a strategy crosses with the reference', async () => {
  const { store } = await testStore({ volumes: 2, transport: 'websocket', inlineBytes: 0, strategy: 'single' });
  await using other = attachStore(store.reference);
  const region = (rank: number) => ({ offset: [rank * 2], size: [2] });
  for (const rank of [0, 1, 2])
    await other.put('w', { local: numbered('int8', [2]), globalShape: [6], region: region(rank) });
  const stat = await store.stat('w');
  expect(stat?.parts.map(({ place }) => place.volume)).toEqual(['v0', 'v0', 'v0']);
  expect(stat?.transports).toEqual({ v0: 'websocket' });
});

test('the hosts that are given hold the bytes, as many volumes on each', async () => {
  const { store } = await testStore({ hosts: thisHost(), volumes: 2, transport: 'tmpfs' });
  expect(store.reference.volumes.map(({ id }) => id)).toEqual(['v0', 'v1']);
  await store.put('a', filled(3));
  expect(onlyValue(await store.get('a'))).toBe(3);
});

test('statistics count what is held, what moved and how long it took', async () => {
  const { store } = await testStore({ volumes: 2, replicas: 2, transport: 'tmpfs', inlineBytes: 0, quotaBytes: 1e6 });
  await store.put('a', filled(1));
  await store.put('a', filled(2));
  await store.get('a');
  await failure(store.get('b'));
  await using lease = await store.lease('a');
  expect(lease.generation).toBe(2);
  const { client, ...held } = await store.statistics();
  expect(held).toEqual({
    keys: 1,
    generations: 1,
    lastGeneration: 2,
    leases: 1,
    reads: 0,
    unfinished: 0,
    bytes: 256,
    reservedBytes: 0,
    quotaBytes: 1e6,
    lostVolumes: [],
  });
  expect(client.puts).toMatchObject({ count: 2, failures: 0, bytes: { tmpfs: 512, websocket: 0, inline: 0 } });
  expect(client.gets).toMatchObject({ count: 1, failures: 1, bytes: { tmpfs: 128, websocket: 0, inline: 0 } });
  expect(client.puts.p99Ms).toBeGreaterThanOrEqual(client.puts.p50Ms!);
});

test('a quantile of durations is right within a tenth', () => {
  const latency = new Latency();
  expect(latency.quantile(0.5)).toBeUndefined();
  for (let ms = 1; ms <= 1000; ms += 1) latency.add(ms);
  for (const part of [0.5, 0.9, 0.99]) {
    const quantile = latency.quantile(part)!;
    expect(Math.abs(quantile - part * 1000)).toBeLessThan(part * 100);
  }
  expect(latency.count).toBe(1000);
});
