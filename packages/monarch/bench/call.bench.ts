import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { thisHost } from '@forge/monarch';
import { Packr } from 'msgpackr';
import { WebSocket } from 'ws';
import { Echo } from './actors/echo.ts';

const CALLS = 5_000;
const WINDOW = 500;
const BYTES = 64 * 2 ** 20;

function print(bench: string, value: number, unit: string, control?: number): void {
  const digits = (n: number) => Number(n.toPrecision(4));
  const ratio = control === undefined ? {} : { control: digits(control), ratio: digits(value / control) };
  console.log(JSON.stringify({ bench, value: digits(value), unit, ...ratio, load: digits(loadavg()[0] ?? 0) }));
}

/** Median over rounds, of ours and of the control in turn, so that both meet the same machine. */
async function interleaved(ours: () => Promise<number>, control: () => Promise<number>, rounds = 5) {
  const [mine, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    mine.push(await ours());
    theirs.push(await control());
  }
  const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
  return { ours: median(mine), control: median(theirs) };
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1_000;
}

/** The same small call over ws and msgpackr alone. */
async function openBare() {
  const directory = mkdtempSync(join(tmpdir(), 'bare-'));
  const path = join(directory, 's.sock');
  const child = fork(fileURLToPath(new URL('./actors/bare.ts', import.meta.url)), [path]);
  await new Promise((resolve) => child.once('message', resolve));
  const packr = new Packr({ useRecords: false });
  const generateMask = (mask: Buffer) => mask.fill(0);
  const socket = new WebSocket(`ws+unix://${path}:/`, { perMessageDeflate: false, generateMask });
  await new Promise((resolve) => socket.once('open', resolve));
  const pending = new Map<number, (value: number) => void>();
  let taken = () => {};
  let count = 0;
  socket.on('message', (frame: Buffer) => {
    if (frame.length === 8) return taken();
    const { id, value } = packr.unpack(frame);
    pending.get(id)?.(value);
    pending.delete(id);
  });
  return {
    add: (a: number, b: number) =>
      new Promise<number>((resolve) => {
        const id = count++;
        pending.set(id, resolve);
        socket.send(packr.pack({ id, endpoint: 'add', args: [a, b] }));
      }),
    take: (data: Uint8Array) =>
      new Promise<void>((resolve) => {
        taken = resolve;
        socket.send(data);
      }),
    close: () => {
      socket.close();
      child.disconnect();
      rmSync(directory, { recursive: true });
    },
  };
}

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

  const sequential = async (call: () => Promise<unknown>) => {
    for (let i = 0; i < CALLS; i++) await call();
  };
  const pipelined = async (call: () => Promise<unknown>) => {
    for (let i = 0; i < CALLS; i += WINDOW) await Promise.all(Array.from({ length: WINDOW }, call));
  };
  const ours = () => echo.add.callOne(1, 2);
  const control = () => bare.add(1, 2);

  const latency = await interleaved(
    () => seconds(() => sequential(ours)),
    () => seconds(() => sequential(control)),
  );
  const micros = (s: number) => (s / CALLS) * 1e6;
  print('callOne latency', micros(latency.ours), 'us', micros(latency.control));
  const rate = await interleaved(
    () => seconds(() => pipelined(ours)),
    () => seconds(() => pipelined(control)),
  );
  print('pipelined calls', CALLS / rate.ours, 'calls/s', CALLS / rate.control);

  const rounds = 300;
  const all = await interleaved(
    () =>
      seconds(async () => {
        for (let i = 0; i < rounds; i++) await echoes.add.call(1, 2);
      }),
    () =>
      seconds(async () => {
        for (let i = 0; i < rounds; i++) await Promise.all(bares.map(({ add }) => add(1, 2)));
      }),
  );
  print('call of 8 processes', (all.ours / rounds) * 1e6, 'us', (all.control / rounds) * 1e6);

  const data = new Uint8Array(BYTES).fill(1);
  const large = await interleaved(
    () => seconds(() => echo.take.callOne(data)),
    () => seconds(() => bare.take(data)),
  );
  const gigabytes = (s: number) => BYTES / s / 1e9;
  print('64 MiB argument', gigabytes(large.ours), 'GB/s', gigabytes(large.control));
  for (const { close } of bares) close();
}

await main();
