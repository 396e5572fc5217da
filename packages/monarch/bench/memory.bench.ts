import { spawnSync } from 'node:child_process';
import { thisHost } from '@forge/monarch';
import { Store } from './actors/store.ts';
import { openRaw } from './bare.ts';
import { interleaved, medianSeconds, print, seconds } from './print.ts';

const BYTES = 64 * 2 ** 20;
const gigabytes = (s: number) => BYTES / s / 1e9;
/** Mapped memory is written again once its receiver has collected it: after these many rounds there is enough of it, and it is warm. */
const WARM_UP = 40;

/** Large arrays between processes of one machine, beside the same bytes over a Unix socket, or one copy of them. */
async function main(way: string): Promise<void> {
  await using procs = await thisHost().spawnProcs({ perHost: { worker: 8 } });
  await using stores = await procs.spawn('store', Store);
  const store = stores.slice({ worker: 0 });
  const buffer = await store.make.callOne(BYTES);
  const data = new Uint8Array(BYTES).fill(1);
  const dst = new Uint8Array(BYTES).fill(2);
  const raw = await openRaw(BYTES);
  const overSocket = () => seconds(() => raw.take(data));
  const copied = () => seconds(async () => dst.set(data));

  const figures: readonly (readonly [string, () => Promise<unknown>, () => Promise<number>])[] = [
    ['argument', async () => await store.take.callOne(data), overSocket],
    ['argument, all of it looked at', async () => await store.sum.callOne(data), overSocket],
    ['argument for 8 processes', async () => await stores.take.call(data), overSocket],
    ['argument for 8 processes, all of it looked at by each', async () => await stores.sum.call(data), overSocket],
    ['result', async () => await store.give.callOne(), overSocket],
    ['readInto', async () => await buffer.readInto(dst), copied],
    ['writeFrom', async () => await buffer.writeFrom(data), copied],
  ];
  for (const [name, ours, control] of figures) {
    for (let round = 0; round < (way === 'map' ? WARM_UP : 1); round++) await ours();
    const result = await interleaved(() => seconds(ours), control, 9);
    print(`64 MiB ${name} (${way})`, gigabytes(result.ours), 'GB/s', gigabytes(result.control));
  }
  const small = await interleaved(
    () => medianSeconds(300, async () => await buffer.readInto(dst, { byteLength: 1024 })),
    () => medianSeconds(300, async () => await store.take.callOne(data.subarray(0, 1))),
  );
  print(`1 KiB readInto, median, beside a small call (${way})`, small.ours * 1e6, 'us', small.control * 1e6);
  raw.close();
}

const [, script = '', way] = process.argv;
if (way === undefined) {
  for (const word of ['map', 'read', 'frames']) {
    const env = { ...process.env, FORGE_MEMORY: word };
    process.exitCode ||= spawnSync(process.execPath, [script, word], { stdio: 'inherit', env }).status ?? 1;
  }
} else {
  await main(way);
}
