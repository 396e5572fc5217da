import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { MeshFailure } from '../../src/index.ts';
import { inlineProcs, simulate } from '../../src/testing/index.ts';
import { programs, runProgram } from '../fixtures/model.ts';

/** Time after which a failure has been told, over any network. */
const SETTLE_MS = 5_000;

function teller() {
  const told: string[] = [];
  const supervise = ({ mesh, points }: MeshFailure) => {
    told.push(...points.map(({ rank }) => `${mesh}/${rank}`));
    return true;
  };
  return { told, supervise };
}

test('in one process every program does what the model does', async () => {
  await fc.assert(
    fc.asyncProperty(programs, async (commands) => {
      // Simulated as well, so that what is said of dropped broadcasts is not printed here.
      await simulate({ seed: 1, hosts: 1 }, async ({ world }) => {
        const { told, supervise } = teller();
        await using procs = await inlineProcs({ hosts: 2, shard: 2 }, { supervise });
        const settle = async () => await world.sleep(1);
        await runProgram(commands, { procs, meshes: [], told, kill: undefined, settle });
      });
    }),
    { numRuns: 200 },
  );
});

test('in a simulated cluster every program does what the model does', async () => {
  await fc.assert(
    fc.asyncProperty(programs, fc.nat(), async (commands, seed) => {
      const { left } = await simulate({ seed, hosts: 2 }, async ({ hosts, world }) => {
        const { told, supervise } = teller();
        const procs = await hosts.spawnProcs({ perHost: { shard: 2 }, supervise });
        const settle = async () => await world.sleep(SETTLE_MS);
        await runProgram(commands, { procs, meshes: [], told, kill: (place) => world.crash(place), settle });
        await procs.stop();
      });
      expect(left).toEqual([]);
    }),
    { numRuns: 150 },
  );
});
