import { thisHost } from '@forge/monarch';
import { Echo } from './actors/echo.ts';
import { print, quantile } from './print.ts';

const BYTES = 2 ** 30;
const IDLE_CALLS = 3_000;

/** Times of small calls, one after the other, until `done`. */
async function timesUntil(call: () => Promise<unknown>, isDone: () => boolean): Promise<number[]> {
  const times: number[] = [];
  while (!isDone()) {
    const start = performance.now();
    await call();
    times.push(performance.now() - start);
  }
  return times;
}

/* How long small calls take on a link on which a large argument travels in frames, as between machines. */
async function main(): Promise<void> {
  process.env['FORGE_MEMORY'] = 'frames';
  await using procs = await thisHost().spawnProcs({ perHost: { worker: 1 } });
  // Two actors: an actor handles one message at a time.
  await using large = await procs.spawn('large', Echo);
  await using small = await procs.spawn('small', Echo);
  const [taker, echo] = [large.slice({ worker: 0 }), small.slice({ worker: 0 })];
  const call = () => echo.add.callOne(1, 2);

  let idle: number[] = [];
  for (let round = 0; round < 2; round++) {
    let left = IDLE_CALLS;
    idle = await timesUntil(call, () => left-- <= 0);
  }
  const control = quantile(idle, 0.99);

  const measure = async (name: string, arrays: Uint8Array[]) => {
    let isDone = false;
    // Moved: the copy of a snapshot would stop this process for a second.
    const transfer = arrays.map(({ buffer }) => buffer as ArrayBuffer);
    const start = performance.now();
    const travelled = taker.takeAll
      .with({ transfer })
      .callOne(arrays)
      .then(() => {
        isDone = true;
      });
    const times = await timesUntil(call, () => isDone);
    await travelled;
    const gigabytes = BYTES / (performance.now() - start) / 1e6;
    print(`small calls while 1 GiB travels as ${name}, p99 of ${times.length}`, quantile(times, 0.99), 'ms', control);
    print(`small calls while 1 GiB travels as ${name}, longest`, quantile(times, 1), 'ms', quantile(idle, 1));
    print(`1 GiB as ${name}, beside small calls`, gigabytes, 'GB/s');
  };
  await measure('one array', [new Uint8Array(BYTES)]);
  await measure(
    '16 arrays',
    Array.from({ length: 16 }, () => new Uint8Array(BYTES / 16)),
  );
}

await main();
