import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { scratchFolder, startHost, tokenFile } from '../fixtures/start-host.ts';

test('the example of a cluster runs on two daemons of one machine', async () => {
  const scratch = scratchFolder();
  onTestFinished(() => scratch[Symbol.dispose]());
  const token = tokenFile(scratch.folder, 'a token of the example');
  const daemons = await Promise.all([1, 2].map(async () => await startHost(['--token-file', token])));
  onTestFinished(async () => void (await Promise.all(daemons.map(async (daemon) => await daemon.stop()))));
  const path = fileURLToPath(new URL('../../examples/cluster.ts', import.meta.url));
  const args = [path, token, ...daemons.map(({ address }) => address)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout.trim().split('\n')).toEqual(
    [0, 1].flatMap((host) => [0, 1].map((gpu) => `hello from { hosts: ${host}/2, gpus: ${gpu}/2 }`)),
  );
});
