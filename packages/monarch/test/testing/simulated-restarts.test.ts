import { expect, test } from 'vitest';
import type { MeshFailure } from '../../src/index.ts';
import { simulate } from '../../src/testing/index.ts';
import { Counter } from '../fixtures/counter.ts';

/** Time after which whatever was lost is there again. */
const QUIET_MS = 20_000;

test('processes that crash are restarted with their actors, each told once, on any network', async () => {
  let restarts = 0;
  for (let seed = 0; seed < 60; seed++) {
    const { value, left } = await simulate({ seed, hosts: 2 }, async ({ hosts, world }) => {
      const told: string[] = [];
      const supervise = ({ mesh, points, generation, restarting }: MeshFailure) => {
        told.push(
          ...points.map(({ rank }) => `${mesh}/${rank} of generation ${generation}, restarting: ${restarting}`),
        );
        return true;
      };
      const procs = await hosts.spawnProcs({ perHost: { p: 2 }, supervise, restart: { max: 50, backoffMs: 10 } });
      const counters = await procs.spawn('counters', Counter, 0);
      for (let i = 0; i < 5; i++) {
        const victims = world.processes.filter((id) => /^h\d+\.\d+$/.test(id));
        if (victims.length > 0) world.crash(world.random.pick(victims));
        void counters.increment.call(1).settled();
        await world.sleep(world.random.between(0, 200));
      }
      await world.sleep(QUIET_MS);
      await counters.load.call(0);
      const values = (await counters.increment.call(seed)).toArray();
      await procs.stop();
      return { values, told };
    });
    expect({ seed, values: value.values, left }).toEqual({ seed, values: [seed, seed, seed, seed], left: [] });
    // A process that is lost again before its actor is back is told as itself, and has no generation.
    const actors = value.told.filter((text) => text.startsWith('counters/'));
    expect(new Set(actors).size, `seed ${seed}: ${actors.join(', ')}`).toBe(actors.length);
    expect(value.told.filter((text) => !text.endsWith('restarting: true'))).toEqual([]);
    restarts += value.told.length;
  }
  expect(restarts).toBeGreaterThan(100);
});
