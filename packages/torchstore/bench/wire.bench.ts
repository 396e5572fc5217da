// 256 MiB through sockets between two processes. The controls are plain streams of Node that carry as many bytes from one
// array into another, read straight into it, in the same rounds: TCP, a Unix socket, TLS.
import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type NetConnectOpts, type Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { tensor } from '@forge/tensor';
import { openStore } from '../dist/index.js';
import { makeCertificates } from '../test/certificates.ts';
import { median, print } from './print.ts';

const shape = [8192, 8192];
const bytes = 8192 * 8192 * 4;
const rounds = 5;
type Stream = 'tcp' | 'unix' | 'tls';

/** Reads into an array from its start, again and again; a command is one byte that comes between. */
function intoArray(array: Uint8Array) {
  const command = new Uint8Array(1);
  let filled = array.length;
  const reading = { onCommand: (_: string) => {}, onFilled: () => {}, expect: () => {} };
  reading.expect = () => {
    filled = 0;
  };
  const onread = {
    buffer: () => (filled < array.length ? array.subarray(filled, filled + 2 ** 20) : command),
    callback: (count: number) => {
      if (filled >= array.length) reading.onCommand(String.fromCharCode(command[0] ?? 0));
      else {
        filled += count;
        if (filled === array.length) reading.onFilled();
      }
      return true;
    },
  };
  return { reading, onread };
}

function send(stream: Socket, array: Uint8Array): void {
  for (let start = 0; start < array.length; start += 2 ** 20) stream.write(array.subarray(start, start + 2 ** 20));
}

/** The other end of a control: takes 256 MiB after a 'p', and sends them after a 'g'. */
function serveControl(kind: Stream, folder: string): void {
  const array = new Uint8Array(bytes).fill(1);
  const accept = (accepted: Socket) => {
    const { reading, onread } = intoArray(array);
    const isTls = kind === 'tls';
    const handle: unknown = Reflect.get(accepted, '_handle');
    if (!isTls) Reflect.set(accepted, '_handle', null);
    const stream = isTls ? accepted : new Socket({ handle: handle as never, onread });
    let filled = bytes;
    reading.onCommand = (command) => {
      if (command === 'g') send(stream, array);
      else {
        reading.expect();
        filled = 0;
        stream.write('r');
      }
    };
    reading.onFilled = () => stream.write('k');
    if (isTls)
      accepted.on('data', (chunk: Buffer) => {
        if (filled >= bytes) return reading.onCommand(chunk.toString());
        array.set(chunk, filled);
        filled += chunk.length;
        if (filled === bytes) stream.write('k');
      });
    stream.on('error', () => {});
    stream.resume();
  };
  const tls =
    kind === 'tls'
      ? { cert: readFileSync(join(folder, 'cert.pem')), key: readFileSync(join(folder, 'key.pem')) }
      : undefined;
  const server: Server = tls
    ? createTlsServer(tls, accept)
    : createServer({ pauseOnConnect: true, noDelay: true }, accept);
  const where = kind === 'unix' ? { path: join(folder, 'control') } : { port: 0, host: '127.0.0.1' };
  server.listen(where, () => process.send?.(server.address()));
  process.once('disconnect', () => process.exit());
}

async function openControl(kind: Stream, folder: string) {
  const child = fork(import.meta.filename, [kind, folder]);
  const address = await new Promise((resolve) => child.once('message', resolve));
  const array = new Uint8Array(bytes).fill(2);
  const { reading, onread } = intoArray(array);
  const to =
    typeof address === 'string' ? { path: address } : { host: '127.0.0.1', port: (address as { port: number }).port };
  const options: NetConnectOpts = { ...to, onread };
  const stream =
    kind === 'tls' ? connectTls({ ...options, ca: readFileSync(join(folder, 'ca.pem')) }) : connect(options);
  await new Promise((resolve) => stream.once(kind === 'tls' ? 'secureConnect' : 'connect', resolve));
  return {
    get: () =>
      new Promise<void>((resolve) => {
        reading.expect();
        reading.onFilled = resolve;
        stream.write('g');
      }),
    put: () =>
      new Promise<void>((resolve) => {
        reading.onCommand = (command) => (command === 'r' ? send(stream, array) : resolve());
        stream.write('p');
      }),
    [Symbol.dispose]() {
      stream.destroy();
      child.kill();
    },
  };
}

async function timeMs(task: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await task();
  return performance.now() - start;
}

/** Measures tasks in turns, so that all of them see the same machine. */
async function compare(tasks: Readonly<Record<string, () => Promise<unknown>>>): Promise<Record<string, number>> {
  const times = new Map<string, number[]>();
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, task] of Object.entries(tasks)) {
      const ms = await timeMs(task);
      if (round > 0) times.set(name, [...(times.get(name) ?? []), ms]);
    }
  }
  return Object.fromEntries([...times].map(([name, each]) => [name, bytes / median(each) / 1e6]));
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'forge-wire-'));
  try {
    const files = makeCertificates(folder);
    const whole = tensor('float32', shape);
    whole.data.fill(1);
    const into = tensor('float32', shape);
    into.data.fill(2);
    const wanted = process.argv[2];
    for (const [name, control, options] of [
      ['ws', 'tcp', { transport: 'websocket' }],
      ['ws+unix', 'unix', { transport: 'unix' }],
      ['wss', 'tls', { transport: 'websocket', tls: files }],
    ] as const) {
      if (wanted !== undefined && wanted !== name) continue;
      using raw = await openControl(control, folder);
      await using plain = await openStore({ ...options, checksums: 'never' });
      await using checked = await openStore({ ...options, checksums: 'always' });
      // Until a file for each of the puts that overlap has been written.
      for (const store of [plain, checked]) for (let round = 0; round < 3; round += 1) await store.put('w', whole);
      const puts = await compare({
        raw: raw.put,
        plain: () => plain.put('w', whole),
        checked: () => checked.put('w', whole),
      });
      const gets = await compare({
        raw: raw.get,
        plain: () => plain.get('w', { into }),
        checked: () => checked.get('w', { into }),
      });
      for (const [verb, figures] of [
        ['put', puts],
        ['get', gets],
      ] as const) {
        print(`${verb} 256 MiB, ${name}, control: ${control}`, figures['plain']!, 'GB/s', figures['raw']);
        print(
          `${verb} 256 MiB, ${name}, with checksums, control: ${control}`,
          figures['checked']!,
          'GB/s',
          figures['raw'],
        );
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const [, , kind, folder] = process.argv;
if (process.send !== undefined && folder !== undefined) serveControl(kind as Stream, folder);
else await main();
