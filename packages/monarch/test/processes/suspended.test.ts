import { expect, test } from 'vitest';
import { type MeshFailure, thisHost } from '../../src/index.ts';
import { isAlive } from '../fixtures/alive.ts';
import { Grown } from '../fixtures/grown.ts';

// Alone in its file: it waits for the whole time that a process has to stop, and other files go on meanwhile.
test('a process that is suspended keeps to deadlines, and is killed when it is to stop', async () => {
  const failures: MeshFailure[] = [];
  const procs = await thisHost().spawnProcs({ supervise: (failure) => failures.push(failure) > 0 });
  const grown = await procs.spawn('grown', Grown);
  const pid = await grown.pid.callOne();
  process.kill(pid, 'SIGSTOP');
  await expect(grown.pid.with({ timeoutMs: 20 }).callOne()).rejects.toMatchObject({ code: 'ERR_MONARCH_TIMEOUT' });
  await procs.stop('enough');
  expect(isAlive(pid)).toBe(false);
  expect(failures).toEqual([]);
});
