import { afterAll, beforeAll, expect, test } from 'vitest';
import { attachToHosts, type HostMesh, type OwnedMesh, thisHost } from '../../src/index.ts';
import { Borrower } from '../fixtures/borrower.ts';
import { type RunningHost, scratchFolder, startHost, tokenFile } from '../fixtures/start-host.ts';
import { until } from '../fixtures/until.ts';

const daemons: RunningHost[] = [];
const scratch = scratchFolder();
let hosts: HostMesh<'hosts'>;
let borrower: OwnedMesh<Borrower, never>;

beforeAll(async () => {
  const path = tokenFile(scratch.folder, 'a token of references');
  daemons.push(...(await Promise.all([1, 2].map(async () => await startHost(['--token-file', path])))));
  const addresses = daemons.map(({ address }) => address);
  hosts = await attachToHosts(addresses, { tokenFile: path });
  borrower = await (await hosts.slice({ hosts: 0 }).spawnProcs()).spawn('borrower', Borrower);
});
afterAll(async () => {
  await hosts[Symbol.asyncDispose]();
  for (const daemon of daemons) await daemon.stop();
  scratch[Symbol.dispose]();
});

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test.each([
  ['another machine', () => hosts.slice({ hosts: 1 })],
  ['the machine of the program', () => thisHost()],
  ['its own machine', () => hosts.slice({ hosts: 0 })],
])('an actor on one machine starts processes on %s, and they end with it', async (_, host) => {
  await using procs = await hosts.slice({ hosts: 0 }).spawnProcs();
  const short = await procs.spawn('short', Borrower);
  const pids = await short.startOn.callOne(host(), 'process');
  expect(new Set(pids).size).toBe(2);
  expect(pids.every(isAlive)).toBe(true);
  await short.stop();
  await until(() => !pids.some(isAlive));
});

test('processes of one machine are lent to an actor on another', async () => {
  await using procs = await hosts.slice({ hosts: 1 }).spawnProcs({ perHost: { proc: 2 } });
  const counters = await borrower.spawnOn.callOne(procs);
  expect((await counters.increment.call(1)).toArray()).toEqual([11, 11]);
  expect(await borrower.count.callOne()).toEqual([12, 12]);
});
