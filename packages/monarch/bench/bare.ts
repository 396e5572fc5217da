import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Packr } from 'msgpackr';
import { WebSocket } from 'ws';

async function start(
  file: string,
  args: readonly string[],
): Promise<{ child: ChildProcess; path: string; stop(): void }> {
  const directory = mkdtempSync(join(tmpdir(), 'bare-'));
  const path = join(directory, 's.sock');
  const child = fork(fileURLToPath(new URL(`./actors/${file}`, import.meta.url)), [path, ...args]);
  await new Promise((resolve) => child.once('message', resolve));
  const stop = () => {
    child.disconnect();
    rmSync(directory, { recursive: true });
  };
  return { child, path, stop };
}

/** The same small call over ws and msgpackr alone. */
export async function openBare() {
  const { path, stop } = await start('bare.ts', []);
  const packr = new Packr({ useRecords: false });
  const generateMask = (mask: Buffer) => mask.fill(0);
  const socket = new WebSocket(`ws+unix://${path}:/`, { perMessageDeflate: false, generateMask });
  await new Promise((resolve) => socket.once('open', resolve));
  const pending = new Map<number, (value: number) => void>();
  let count = 0;
  socket.on('message', (frame: Buffer) => {
    const { id, value } = packr.unpack(frame);
    pending.get(id)?.(value);
    pending.delete(id);
  });
  const call = (endpoint: string, args: readonly unknown[]) =>
    new Promise<number>((resolve) => {
      const id = count++;
      pending.set(id, resolve);
      socket.send(packr.pack({ id, endpoint, args }));
    });
  return {
    add: (a: number, b: number) => call('add', [a, b]),
    spin: (on: boolean) => call('spin', [on]),
    close: () => {
      socket.close();
      stop();
    },
  };
}

/** Large messages over a Unix socket alone: one writer, one reader. */
export async function openRaw(bytes: number) {
  const { path, stop } = await start('raw.ts', [String(bytes)]);
  const socket = connect(path);
  await new Promise((resolve) => socket.once('connect', resolve));
  return {
    take: (data: Uint8Array) =>
      new Promise<void>((resolve) => {
        socket.once('data', () => resolve());
        socket.write(data);
      }),
    close: () => {
      socket.destroy();
      stop();
    },
  };
}
