import { thisHost } from '@forge/monarch';
import { Echo } from './actors/echo.ts';
import { openRaw } from './bare.ts';
import { interleaved, print, seconds } from './print.ts';

const BYTES = 64 * 2 ** 20;

/* Large arguments in frames, as between machines. The control assembles them in memory of its own, too. */
async function main(): Promise<void> {
  process.env['FORGE_MEMORY'] = 'frames';
  await using procs = await thisHost().spawnProcs({ perHost: { worker: 1 } });
  await using echoes = await procs.spawn('echo', Echo);
  const echo = echoes.slice({ worker: 0 });
  const raw = await openRaw(BYTES);
  const gigabytes = (s: number) => BYTES / s / 1e9;

  const data = new Uint8Array(BYTES).fill(1);
  const control = () => seconds(() => raw.take(data));
  const copied = await interleaved(() => seconds(() => echo.take.callOne(data)), control, 9);
  print('64 MiB argument in frames, copied when it is sent', gigabytes(copied.ours), 'GB/s', gigabytes(copied.control));
  const moved = await interleaved(
    async () => {
      const own = new Uint8Array(BYTES).fill(1);
      return await seconds(() => echo.take.with({ transfer: [own.buffer] }).callOne(own));
    },
    control,
    9,
  );
  print('64 MiB argument in frames, moved', gigabytes(moved.ours), 'GB/s', gigabytes(moved.control));
  raw.close();
}

await main();
