import { expect, test } from 'vitest';
import { thisHost } from '../../src/index.ts';
import { references } from '../contracts/references.ts';
import { Borrower } from '../fixtures/borrower.ts';
import { until } from '../fixtures/until.ts';

references('process');

test('who spawned on processes of somebody else is told when one of them is killed', async () => {
  await using procs = await thisHost().spawnProcs({ perHost: { proc: 2 }, supervise: () => true });
  await using home = await thisHost().spawnProcs();
  await using borrower = await home.spawn('borrower', Borrower);
  const counters = await borrower.spawnOn.callOne(procs);
  process.kill((await counters.pid.call()).get(1), 'SIGKILL');
  await until(async () => (await borrower.failures.callOne()).length > 0);
  expect(await borrower.failures.callOne()).toEqual(['borrowed 1 signal']);
  expect(await counters.slice({ proc: 0 }).increment.callOne(1)).toBe(11);
});

test('processes that their owner stops are no failure for who spawned on them', async () => {
  const procs = await thisHost().spawnProcs({ perHost: { proc: 2 } });
  await using home = await thisHost().spawnProcs();
  await using borrower = await home.spawn('borrower', Borrower);
  await borrower.spawnOn.callOne(procs);
  await procs.stop('enough');
  await expect(borrower.count.callOne()).rejects.toMatchObject({ cause: { code: 'ERR_MONARCH_MESH' } });
  expect(await borrower.failures.callOne()).toEqual([]);
});
