import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bytesOf } from '@forge/tensor';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  attachStore,
  LeaseEndedError,
  openStore,
  type Store,
  TransactionAbortedError,
  VolumeUnavailableError,
} from '../src/index.ts';
import { numbered } from './arbitraries.ts';
import { cutsAfter, startNetwork } from './network.ts';

/** Long enough to come back on a busy machine, short enough to wait for. */
const reconnectMs = 2_500;

let folder: string;
let store: Store;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'forge-connections-'));
  store = await openStore({ kind: 'inline', folder, inlineBytes: 0, reconnectMs });
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const segmentFiles = () =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name !== 'nonce',
  );

const whole = numbered('float32', [3000, 1000]);

test.each(['tmpfs', 'websocket'] as const)(
  'a connection that is cut during transfers over %s is made again',
  async (transport) => {
    await using network = await startNetwork(store.reference, cutsAfter([5_000_000, 9_000_000]));
    await using client = attachStore(network.reference, { transport });
    for (let round = 0; round < 3; round += 1) {
      await client.put('w', whole);
      expect(Buffer.compare(bytesOf(await client.get('w')), bytesOf(whole))).toBe(0);
    }
    expect(network.connections).toBe(transport === 'websocket' ? 3 : 1);
    await expect.poll(() => segmentFiles().length).toBe(1);
  },
);

test('an operation gives up when every connection is cut, and leaves nothing behind', async () => {
  await using network = await startNetwork(store.reference, cutsAfter(new Array(100).fill(1_000_000)));
  await using client = attachStore(network.reference, { transport: 'websocket' });
  await expect(client.put('w', whole)).rejects.toThrow(VolumeUnavailableError);
  expect(await client.keys()).toEqual([]);
  await expect.poll(() => segmentFiles().length).toBe(0);
});

test('a client that does not see the directory of the volume takes the socket, or says so when it may not', async () => {
  await store.put('w', whole);
  const volumes = store.reference.volumes.map((volume) => ({ ...volume, nonce: 'of another host' }));
  const reference = { ...store.reference, volumes };
  await using far = attachStore(reference);
  expect((await far.stat('w'))?.transports).toEqual({ v0: 'websocket' });
  expect(Buffer.compare(bytesOf(await far.get('w')), bytesOf(whole))).toBe(0);
  await using strict = attachStore(reference, { transport: 'tmpfs' });
  await expect(strict.get('w')).rejects.toThrow('is not visible here');
  await using near = attachStore(store.reference);
  expect((await near.stat('w'))?.transports).toEqual({ v0: 'tmpfs' });
});

const small = (salt: number) => numbered('int8', [64], salt);

test('a lease lives through a cut, and its generation with it', async () => {
  await using network = await startNetwork(store.reference);
  await using client = attachStore(network.reference);
  await client.put('w', small(1));
  await using lease = await client.lease('w');
  await store.put('w', small(2));
  for (let cut = 0; cut < 3; cut += 1) {
    network.isDown = true;
    network.isDown = false;
    expect(await lease.get('w')).toEqual(small(1));
  }
  expect(lease.isHeld).toBe(true);
  expect(await store.statistics()).toMatchObject({ leases: 1, generations: 2 });
});

test('a lease whose holder does not come back in time ends, and says so', async () => {
  await using network = await startNetwork(store.reference);
  await using client = attachStore(network.reference);
  await client.put('w', small(1));
  await using lease = await client.lease('w');
  await store.put('w', small(2));
  network.isDown = true;
  await expect.poll(async () => (await store.statistics()).leases).toBe(0);
  network.isDown = false;
  await expect(lease.get('w')).rejects.toThrow(LeaseEndedError);
  expect(await client.get('w')).toEqual(small(2));
  await expect.poll(() => segmentFiles().length).toBe(1);
});

test('a rank that was cut off in the middle of a state dict joins the others again', async () => {
  await using network = await startNetwork(store.reference, cutsAfter([3_000_000, 3_000_000]));
  await using client = attachStore(network.reference, { transport: 'websocket' });
  const put = (by: Store, rank: number) =>
    by.putStateDict('m', { [`rank${rank}`]: whole }, { participant: { rank, ranks: 2 }, version: 7 });
  await put(store, 0);
  await put(client, 1);
  expect(network.connections).toBe(3);
  expect((await store.keys()).sort()).toEqual(['m.rank0', 'm.rank1']);
  expect(await store.statistics()).toMatchObject({ unfinished: 0, keys: 2 });
});

test('a transaction lives through a cut of its connection', async () => {
  await using network = await startNetwork(store.reference);
  await using client = attachStore(network.reference);
  const transaction = await client.begin('m', { version: 1 });
  await transaction.put('w', small(1));
  network.isDown = true;
  network.isDown = false;
  await transaction.put('v', small(2));
  await transaction.commit();
  expect(await store.getBatch(['m.w', 'm.v'])).toEqual({ 'm.w': small(1), 'm.v': small(2) });
});

test('a transaction whose rank does not come back in time ends, and can be begun again', async () => {
  await using network = await startNetwork(store.reference);
  await using client = attachStore(network.reference);
  const transaction = await client.begin('m', { version: 1 });
  await transaction.put('w', small(1));
  network.isDown = true;
  await expect.poll(async () => (await store.statistics()).unfinished).toBe(0);
  network.isDown = false;
  const error = await transaction.commit().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TransactionAbortedError);
  await using again = await client.begin('m', { version: 1 });
  await again.put('w', small(2));
  await again.commit();
  expect(await store.get('m.w')).toEqual(small(2));
  await expect.poll(() => segmentFiles().length).toBe(1);
});
