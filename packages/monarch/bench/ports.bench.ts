import { openPort, thisHost } from '@forge/monarch';
import { Source } from './actors/source.ts';
import { interleaved, print, seconds } from './print.ts';

const VALUES = 20_000;
/** As many as a port lets a sender be ahead. */
const WINDOW = 64;

async function main(): Promise<void> {
  await using procs = await thisHost().spawnProcs({ perHost: { source: 4 } });
  await using sources = await procs.spawn('sources', Source);
  const source = sources.slice({ source: 0 });

  /** From one process, then from several. */
  const received = async (from: typeof sources | typeof source) => {
    using receiver = openPort<number>();
    const sent = from.send.call(receiver.port, VALUES / from.length);
    let sum = 0;
    for await (const i of receiver.take(VALUES)) sum += i;
    await sent;
    return sum;
  };
  const called = async () => {
    for (let i = 0; i < VALUES; i += WINDOW) {
      await Promise.all(Array.from({ length: WINDOW }, (_, j) => source.one.callOne(i + j)));
    }
  };
  const one = await interleaved(
    () => seconds(() => received(source)),
    () => seconds(called),
  );
  print(
    'values through a port from one process (control: pipelined calls)',
    VALUES / one.ours,
    '/s',
    VALUES / one.control,
  );
  const four = await interleaved(
    () => seconds(() => received(sources)),
    () => seconds(called),
  );
  print('values through a port from four processes', VALUES / four.ours, '/s', VALUES / four.control);
}

await main();
