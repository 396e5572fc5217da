import { thisHost } from '@forge/monarch';
import { Echo } from './actors/echo.ts';
import { spin } from './actors/spin.ts';
import { openBare } from './bare.ts';
import { interleaved, medianSeconds, print, seconds } from './print.ts';

const CALLS = 4_000;
const WINDOW = 500;

async function main(): Promise<void> {
  const started = performance.now();
  await using procs = await thisHost().spawnProcs({ perHost: { worker: 8 } });
  const spawnedMs = performance.now() - started;
  await using echoes = await procs.spawn('echo', Echo);
  const echo = echoes.slice({ worker: 0 });
  const bares = await Promise.all(Array.from({ length: 8 }, openBare));
  // Eight were opened.
  const bare = bares[0]!;
  const bareStart = performance.now();
  const spare = await Promise.all(Array.from({ length: 8 }, openBare));
  print('8 processes spawned', spawnedMs, 'ms', performance.now() - bareStart);
  for (const { close } of spare) close();

  const ours = () => echo.add.callOne(1, 2);
  const control = () => bare.add(1, 2);
  const latency = await interleaved(
    () => medianSeconds(CALLS, ours),
    () => medianSeconds(CALLS, control),
  );
  print('callOne latency, median', latency.ours * 1e6, 'us', latency.control * 1e6);

  // Without what it takes the system to wake a process up: the work alone.
  spin(true);
  const busy = await interleaved(
    async () => {
      await echo.spin.callOne(true);
      const median = await medianSeconds(CALLS, ours);
      await echo.spin.callOne(false);
      return median;
    },
    async () => {
      await bare.spin(true);
      const median = await medianSeconds(CALLS, control);
      await bare.spin(false);
      return median;
    },
  );
  spin(false);
  print('callOne latency on busy cores, median', busy.ours * 1e6, 'us', busy.control * 1e6);

  const pipelined = async (call: () => Promise<unknown>) => {
    for (let i = 0; i < CALLS; i += WINDOW) await Promise.all(Array.from({ length: WINDOW }, call));
  };
  const rate = await interleaved(
    () => seconds(() => pipelined(ours)),
    () => seconds(() => pipelined(control)),
  );
  print('pipelined calls', CALLS / rate.ours, 'calls/s', CALLS / rate.control);

  const all = await interleaved(
    () => medianSeconds(300, async () => await echoes.add.call(1, 2)),
    () => medianSeconds(300, async () => await Promise.all(bares.map(({ add }) => add(1, 2)))),
  );
  print('call of 8 processes, median', all.ours * 1e6, 'us', all.control * 1e6);
  for (const { close } of bares) close();

  await using inline = await thisHost().spawnProcs({ kind: 'inline' });
  await using here = await inline.spawn('here', Echo);
  const inlineSeconds = await seconds(async () => {
    for (let i = 0; i < 20 * CALLS; i++) await here.add.callOne(1, 2);
  });
  print('callOne in this process', (inlineSeconds / (20 * CALLS)) * 1e6, 'us');
}

await main();
