import { expect, test } from 'vitest';
import { thisHost } from '../../src/index.ts';
import { calling } from '../contracts/calling.ts';
import { Narrow } from '../fixtures/probes.ts';

calling('process');

test('a flood of large calls leaves the memory of the flooded process flat', async () => {
  await using procs = await thisHost().spawnProcs();
  await using narrow = await procs.spawn('narrow', Narrow);
  const held = narrow.hold.callOne();
  const data = new Uint8Array(900_000);
  const quietBytes = await narrow.memory.callOne();
  let refused = 0;
  for (let round = 0; round < 20; round++) {
    const burst = Array.from({ length: 20 }, async () => await narrow.take.callOne(data).catch(() => refused++));
    void burst;
    await narrow.memory.callOne();
  }
  // 360 MB came, of which 0.9 MB may wait; what was refused goes with the garbage.
  expect((await narrow.memory.callOne()) - quietBytes).toBeLessThan(150 * 2 ** 20);
  expect(refused).toBe(399);
  await narrow.release.callOne();
  await held;
  expect(await narrow.seen.callOne()).toBe(1);
});
