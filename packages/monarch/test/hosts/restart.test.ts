import { afterAll, beforeAll, describe } from 'vitest';
import { attachToHosts, type HostMesh } from '../../src/index.ts';
import { restarts } from '../contracts/restarts.ts';
import { type RunningHost, scratchFolder, startHost, tokenFile } from '../fixtures/start-host.ts';

const scratch = scratchFolder();
const path = tokenFile(scratch.folder, 'a token of the tests of restarts');
let daemons: RunningHost[];
let hosts: HostMesh<'hosts'>;

beforeAll(async () => {
  daemons = await Promise.all([1, 2].map(async () => await startHost(['--token-file', path])));
  const addresses = daemons.map(({ address }) => address);
  hosts = await attachToHosts(addresses, { tokenFile: path });
});
afterAll(async () => {
  await hosts[Symbol.asyncDispose]();
  for (const daemon of daemons) await daemon.stop();
  scratch[Symbol.dispose]();
});

describe('on one attached host', () => {
  restarts(async (options) => await hosts.slice({ hosts: 1 }).spawnProcs({ perHost: { worker: 2 }, ...options }));
});

describe('on two attached hosts', () => {
  restarts(
    async (options) => await hosts.rename({ hosts: 'worker' }).spawnProcs<Readonly<Record<never, number>>>(options),
  );
});
