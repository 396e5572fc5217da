import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { attachToHosts } from '@forge/monarch';
import { bytesOf } from '@forge/tensor';
import { attachStore, openStore, type Store, shard, VolumeUnavailableError } from '@forge/torchstore';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { numbered } from '../arbitraries.ts';
import { makeCertificates } from '../certificates.ts';
import { Worker } from './fixtures.ts';

const forgeHost = fileURLToPath(import.meta.resolve('@forge/monarch/package.json')).replace(
  'package.json',
  'dist/hosts/forge-host.js',
);

let scratch: string;
let folder: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'forge-hosts-'));
  folder = mkdtempSync(join(tmpdir(), 'forge-hosts-bytes-'));
});

afterEach(() => {
  expect(readdirSync(folder)).toEqual([]);
  for (const path of [scratch, folder]) rmSync(path, { recursive: true });
});

/** An agent on this machine, and its address. */
async function startAgent(args: readonly string[]): Promise<string> {
  const agent: ChildProcess = spawn(process.execPath, [forgeHost, '--listen', '127.0.0.1:0', ...args], {
    cwd: fileURLToPath(new URL('../../../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(async () => {
    agent.kill('SIGTERM');
    if (agent.exitCode === null) await once(agent, 'exit');
  });
  for await (const line of createInterface({ input: agent.stdout! })) {
    const found = /listens on (\S+)/.exec(line);
    if (found?.[1] !== undefined) return found[1];
  }
  throw new RangeError('the agent ended');
}

async function attached(args: readonly string[], options: { readonly tokenFile?: string } = {}) {
  const addresses = await Promise.all([startAgent(args), startAgent(args)]);
  const hosts = await attachToHosts(addresses, options);
  onTestFinished(() => hosts[Symbol.asyncDispose]());
  return hosts;
}

const whole = numbered('float32', [300, 2000]);
const pidOf = (store: Store, volume: number) =>
  Number(store.reference.volumes[volume]!.directory.split('/').at(-1)!.split('-')[3]);

describe.each(['plain', 'token'] as const)('on two agents, %s', (guard) => {
  test.each(['auto', 'websocket'] as const)(
    'puts, gets, shards and replicas work over %s, and outlive a volume',
    async (transport) => {
      const token = join(scratch, 'token');
      writeFileSync(token, 'a token of the tests, 32 letters', { mode: 0o600 });
      const isGuarded = guard === 'token';
      const hosts = await attached(isGuarded ? ['--token-file', token] : [], isGuarded ? { tokenFile: token } : {});
      await using store = await openStore({
        hosts,
        replicas: 2,
        transport,
        folder,
        inlineBytes: 0,
        checksums: 'always',
        timeoutMs: 10_000,
        host: ['127.0.0.1', '127.0.0.2'],
      });
      expect(store.reference.volumes.map(({ url }) => new URL(url).hostname)).toEqual(['127.0.0.1', '127.0.0.2']);
      expect(store.reference.volumes.map(({ id }) => id)).toEqual(['v0', 'v1']);
      await store.put('w', whole);
      expect(Buffer.compare(bytesOf(await store.get('w')), bytesOf(whole))).toBe(0);
      // Processes of both hosts put their rows, and each gets columns that lie on both.
      await using procs = await hosts.spawnProcs({ supervise: () => true });
      const workers = (await procs.spawn('workers', Worker, store.reference)).flatten('rank');
      const shape = [400, 600];
      const layout = { mesh: [2], placements: [shard(0)] };
      await Promise.all(
        [0, 1].map((rank) => workers.slice({ rank }).putFilled.callOne('rows', shape, { ...layout, rank }, rank + 1)),
      );
      const columns = { mesh: [2], placements: [shard(1)], rank: 1 };
      for (const rank of [0, 1]) {
        const { data } = await workers.slice({ rank }).get.callOne('rows', columns);
        expect(new Set<unknown>(data.subarray(0, 200 * 300))).toEqual(new Set([1]));
        expect(new Set<unknown>(data.subarray(200 * 300))).toEqual(new Set([2]));
      }
      process.kill(pidOf(store, 1), 'SIGKILL');
      await expect.poll(async () => (await store.statistics()).lostVolumes).toEqual(['v1']);
      expect(Buffer.compare(bytesOf(await store.get('w')), bytesOf(whole))).toBe(0);
      await store.put('w', numbered('int8', [70_000]));
      expect((await store.get('w')).shape).toEqual([70_000]);
    },
  );
});

test('addresses that do not fit the hosts are refused before anything is started', async () => {
  await expect(openStore({ folder, host: ['127.0.0.1', '127.0.0.2'] })).rejects.toThrow(RangeError);
  await expect(openStore({ folder, host: [] })).rejects.toThrow('0 addresses do not fit 1 hosts');
});

test('volumes that have a certificate are reached over wss, by who trusts its authority', async () => {
  const tls = makeCertificates(scratch);
  await using store = await openStore({ folder, transport: 'websocket', tls, inlineBytes: 0, host: 'localhost' });
  const [address] = store.reference.volumes;
  expect(address!.url).toMatch(/^wss:\/\/localhost:/);
  await store.put('w', whole);
  expect(Buffer.compare(bytesOf(await store.get('w')), bytesOf(whole))).toBe(0);
  const { ca: _, ...untrusting } = address!;
  await using stranger = attachStore({ ...store.reference, volumes: [untrusting] });
  await expect(stranger.get('w')).rejects.toThrow(VolumeUnavailableError);
  const plain = { ...address!, url: address!.url.replace('wss:', 'ws:') };
  await using clear = attachStore({ ...store.reference, volumes: [plain] });
  await expect(clear.get('w')).rejects.toThrow(VolumeUnavailableError);
});
