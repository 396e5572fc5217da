import { afterAll } from 'vitest';
import { attachToHosts } from '../../src/index.ts';
import { conformance } from '../contracts/conformance.ts';
import { type RunningHost, scratchFolder, startHost, tokenFile } from '../fixtures/start-host.ts';

const daemons: RunningHost[] = [];
const scratch = scratchFolder();

afterAll(async () => {
  for (const daemon of daemons) await daemon.stop();
  scratch[Symbol.dispose]();
});

conformance('process', async () => {
  const path = tokenFile(scratch.folder, 'a token of the conformance suite');
  daemons.push(...(await Promise.all([1, 2].map(async () => await startHost(['--token-file', path])))));
  return await attachToHosts(
    daemons.map(({ address }) => address),
    { tokenFile: path },
  );
});
