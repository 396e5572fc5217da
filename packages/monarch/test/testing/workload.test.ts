import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type NetworkModel, SimulationError } from '../../src/testing/index.ts';
import { problemsOf, simulateWorkload } from '../fixtures/simulated/workload.ts';

/** How many clusters; `FORGE_SEEDS=20000` tests more. */
const SEEDS = Number(process.env['FORGE_SEEDS'] ?? 200);
const REPLAY = fileURLToPath(new URL('../fixtures/simulated/replay.ts', import.meta.url));

test(`in ${SEEDS} simulated clusters nothing is lost, repeated, out of order or left over`, {
  timeout: 3_600_000,
}, async () => {
  const sums: Record<string, number> = {};
  for (let seed = 0; seed < SEEDS; seed++) {
    const simulation = await simulateWorkload(seed);
    expect(problemsOf(simulation), `seed ${seed}`).toBe('');
    for (const [name, count] of Object.entries(simulation.counters)) sums[name] = (sums[name] ?? 0) + count;
  }
  // Otherwise it was no test.
  for (const name of ['crashed', 'duplicates', 'overtakings', 'cuts', 'partitions']) {
    expect(sums[name], name).toBeGreaterThan(SEEDS / 20);
  }
});

test('the same seed gives the same simulation, also in another process of the system', async () => {
  for (const seed of [7, 8]) {
    const [first, second] = [await simulateWorkload(seed), await simulateWorkload(seed)];
    expect(second.trace).toEqual(first.trace);
    const replayed = execFileSync(process.execPath, [REPLAY, String(seed)], { encoding: 'utf8' });
    expect(replayed.trimEnd().split('\n').at(-1)).toBe(`hash ${first.hash}`);
  }
  expect((await simulateWorkload(7)).hash).not.toBe((await simulateWorkload(8)).hash);
});

/** A network on which every part of delivery is needed in every run. */
const HARSH: Partial<NetworkModel> = { reorder: 0.3, duplicate: 0.2, cut: 0.03 };
/** Seeds within which a broken session must show. */
const BOUND = 20;

test.each(['withoutDedupe', 'withoutReorder', 'withoutAck'] as const)('a session %s is found out', async (fault) => {
  const isFound = async (seed: number) => {
    try {
      return problemsOf(await simulateWorkload(seed, { network: HARSH, faults: { [fault]: true } })) !== '';
    } catch (error) {
      if (error instanceof SimulationError) return true;
      throw error;
    }
  };
  let seed = 0;
  while (seed < BOUND && !(await isFound(seed))) seed++;
  expect(seed).toBeLessThan(BOUND);
  expect(problemsOf(await simulateWorkload(seed, { network: HARSH }))).toBe('');
});
