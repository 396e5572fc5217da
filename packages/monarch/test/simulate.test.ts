import { expect, test } from 'vitest';
import { SimulationError, simulate } from '../src/testing/index.ts';
import { Counter } from './fixtures/counter.ts';

test('a simulated cluster answers calls, whatever its network does', async () => {
  for (let seed = 0; seed < 100; seed++) {
    const { value, left } = await simulate({ seed, hosts: 2 }, async ({ hosts }) => {
      await using procs = await hosts.spawnProcs();
      await using counters = await procs.spawn('counters', Counter, 10);
      for (let i = 0; i < 9; i++) await counters.increment.call(1);
      return [...(await counters.increment.call(1)).values()];
    });
    expect({ seed, value, left }).toEqual({ seed, value: [20, 20], left: [] });
  }
});

test('a simulation that waits for what cannot happen ends with its seed and what it waits for', async () => {
  const simulation = simulate({ seed: 3 }, async () => await new Promise(() => {}));
  await expect(simulation).rejects.toThrow(SimulationError);
  await expect(simulation).rejects.toThrow(/seed 3 failed: nothing can happen any more/);
});

test('time passes as fast as events come', async () => {
  const dayMs = 86_400_000;
  const { virtualMs } = await simulate({ seed: 1 }, async ({ world }) => await world.sleep(dayMs));
  expect(virtualMs).toBeGreaterThanOrEqual(dayMs);
});
