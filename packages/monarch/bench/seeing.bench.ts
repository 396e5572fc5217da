import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { serveAdmin, thisHost } from '@forge/monarch';
import { trace } from '@opentelemetry/api';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { ActorCounters, EndpointCounters } from '../src/seeing/actor-counters.ts';
import { Handling } from '../src/seeing/handling.ts';
import { Talker } from './actors/talker.ts';
import { interleaved, print, seconds } from './print.ts';

const CALLS = 20_000;
const LINES = 100_000;

/** What is done to a call so that it can be seen, and nothing else of it. */
async function counting(): Promise<void> {
  const process = { id: '0', clock: { now: () => performance.now() }, platform: { date: Date.now } };
  // As much of a process and of a message as counting asks for.
  const counters = new ActorCounters(process as never, { event: { process: '0', mesh: 'm', rank: 0, className: 'M' } });
  const call = { endpoint: 'add', id: 1, streams: false, line: { peer: { id: '0' } } } as never;
  const served = { counters: new EndpointCounters() } as never;
  for (let i = 0; i < CALLS; i++) {
    const handling = new Handling(call, served, counters);
    handling.started();
    handling.beginSpan();
    handling.ended();
  }
}

async function linesOfBareProcess(): Promise<void> {
  const path = fileURLToPath(new URL('./actors/talker.ts', import.meta.url));
  const child = spawn(process.execPath, [path, String(LINES)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let count = 0;
  for await (const _ of createInterface(child.stdout)) count++;
  if (count !== LINES) throw new RangeError(`${count} lines came.`);
}

async function main(): Promise<void> {
  await using inline = await thisHost().spawnProcs({ kind: 'inline' });
  await using local = await inline.spawn('local', Talker);
  const calls = async () => {
    for (let i = 0; i < CALLS; i++) await local.add.callOne(1, 2);
  };
  const micros = (s: number) => (s / CALLS) * 1e6;
  const seen = await interleaved(
    () => seconds(counting),
    () => seconds(calls),
  );
  print('counting one call, of a call within a process', micros(seen.ours), 'us', micros(seen.control));

  const traced = await interleaved(
    async () => {
      trace.setGlobalTracerProvider(new BasicTracerProvider());
      const took = await seconds(calls);
      trace.disable();
      return took;
    },
    () => seconds(calls),
  );
  print('call within a process, with two spans', micros(traced.ours), 'us', micros(traced.control));

  await using procs = await thisHost().spawnProcs({ perHost: { worker: 8 }, logs: { print: false } });
  await using talkers = await procs.spawn('talkers', Talker);
  const lines = await interleaved(
    () =>
      seconds(async () => {
        let count = 0;
        const reading = (async () => {
          for await (const { dropped } of procs.logs()) {
            count += 1 + dropped;
            if (count === LINES) return;
          }
        })();
        await talkers.slice({ worker: 0 }).talk.callOne(LINES);
        await reading;
      }),
    // Its start is not among what ours does.
    async () => (await seconds(linesOfBareProcess)) - (await seconds(async () => await startOfNode())),
    3,
  );
  print('lines read', LINES / lines.ours, 'lines/s', LINES / lines.control);

  await using admin = await serveAdmin();
  const tree = new URL('v1/tree', admin.url);
  const looks = await interleaved(
    async () => {
      // A look is shared by those who ask within 200 ms.
      await new Promise((resolve) => setTimeout(resolve, 250));
      return await seconds(async () => await (await fetch(tree)).json());
    },
    () => seconds(async () => await talkers.add.call(1, 2)),
  );
  print('the tree of 8 processes', looks.ours * 1e3, 'ms', looks.control * 1e3);
}

async function startOfNode(): Promise<void> {
  await new Promise((resolve) => spawn(process.execPath, ['-e', '0']).once('close', resolve));
}

await main();
