import { simulateWorkload } from '../test/fixtures/simulated/workload.ts';
import { interleaved, print, seconds } from './print.ts';

/** Clusters in one measurement. */
const SEEDS = 40;

let from = 0;
const eventsPerSecond = async () => {
  let events = 0;
  const tookSeconds = await seconds(async () => {
    for (let i = 0; i < SEEDS; i++) events += (await simulateWorkload(from++)).trace.length;
  });
  return events / tookSeconds;
};

// Each event has a turn of the event loop: this is what turns alone would cost.
const TURNS = 20_000;
const turnsPerSecond = async () => {
  const tookSeconds = await seconds(async () => {
    for (let i = 0; i < TURNS; i++) await new Promise<void>((resolve) => setImmediate(resolve));
  });
  return TURNS / tookSeconds;
};

const { ours, control } = await interleaved(eventsPerSecond, turnsPerSecond);
print('simulate: mixed workload', ours, 'events/s', control);
