import { expect, test } from 'vitest';
import { simulateService } from './fixtures/simulated/workload.ts';

/** How many services; `FORGE_SEEDS=20000` tests more. */
const SEEDS = Number(process.env['FORGE_SEEDS'] ?? 1_000);

test(`in ${SEEDS} simulated services no call is lost, doubled, mixed up or served too early`, {
  timeout: 3_600_000,
}, async () => {
  const sums: Record<string, number> = {};
  for (let seed = 0; seed < SEEDS; seed++) {
    const { value, left, counters } = await simulateService(seed);
    expect({ seed, value, left }).toEqual({ seed, value: [], left: [] });
    for (const [name, count] of Object.entries(counters)) sums[name] = (sums[name] ?? 0) + count;
  }
});
