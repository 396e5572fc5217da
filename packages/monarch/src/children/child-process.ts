import { type ChildProcess, fork, type SendHandle } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { ProcessExit } from '../errors.ts';
import { answerGone, type LaunchedHere } from '../hosts/handed-connection.ts';
import type { LaunchOptions } from '../program/platform.ts';
import { lineSplitter } from '../seeing/line-splitter.ts';
import { readableOutput } from '../seeing/log-frame.ts';
import type { SocketHandle } from '../wire/socket-handle.ts';
import { Tail } from './tail.ts';

/** Silence after the end of a process that ends its output, too: something it started may hold its pipes for ever. */
const SILENCE_MS = 100;
/** Time that output is read after the end of a process, however much there is. */
const OUTPUT_MS = 1_000;

/** Starts a process of the program on this machine. */
export function launchProcess(
  { id, parent, directory, name, env, onLine }: LaunchOptions,
  { detached = false }: { readonly detached?: boolean } = {},
): LaunchedHere {
  const forked = fork(entry(), [id, parent, directory, name], {
    env: { ...process.env, ...env },
    execArgv: inheritable(process.execArgv),
    detached,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const pid = forked.pid ?? 0;
  const tail = new Tail();
  let heard = () => {};
  forked.stdout?.on('data', () => heard());
  forked.stderr?.on('data', () => heard());
  const output = [
    readLines(forked.stdout, (line) => onLine('stdout', line)),
    readLines(forked.stderr, (line) => {
      const readable = readableOutput(line);
      if (readable !== undefined) tail.add(readable);
      onLine('stderr', line);
    }),
  ];
  const exited = new Promise<ProcessExit>((resolve) => {
    const done = (exitCode: number | null, signal: string | null) => {
      const ended = () => {
        clearTimeout(silence);
        clearTimeout(limit);
        resolve({ pid, exitCode, signal, stderrTail: tail.lines });
      };
      const silence = setTimeout(ended, SILENCE_MS);
      const limit = setTimeout(ended, OUTPUT_MS);
      heard = () => silence.refresh();
      void Promise.all(output).then(ended);
    };
    forked.once('exit', done);
    forked.once('error', (error) => {
      // Without a pid it never started, and no exit follows.
      if (forked.pid !== undefined) return;
      tail.add(error.message);
      done(null, null);
    });
  });
  return {
    pid,
    ready: new Promise((resolve) => forked.once('message', () => resolve())),
    exited,
    release: () => {
      if (forked.connected) forked.disconnect();
    },
    kill: () => void forked.kill('SIGKILL'),
    hand: handOver(forked),
  };
}

/** Hands connections to a process. Each is closed here once it is there, or will never be. */
function handOver(forked: ChildProcess): LaunchedHere['hand'] {
  const underWay = new Set<SocketHandle>();
  const done = (handle: SocketHandle) => {
    if (underWay.delete(handle)) handle.close();
  };
  forked.once('exit', () => underWay.forEach(done));
  return (connection, handle) => {
    if (!forked.connected) return answerGone(handle);
    underWay.add(handle);
    // The types do not know handles without a socket, which nothing can have read from.
    forked.send(connection, handle as unknown as SendHandle, () => done(handle));
  };
}

async function readLines(stream: Readable | null, onLine: (line: string) => void): Promise<void> {
  if (stream === null) return;
  const splitter = lineSplitter(onLine);
  stream.setEncoding('utf8');
  stream.on('data', splitter.write);
  await new Promise<void>((resolve) => stream.once('close', resolve));
  splitter.end();
}

/** The entry of child processes stands beside this file, in source as in the build. */
function entry(): string {
  return fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './child.ts' : './child.js', import.meta.url));
}

/** Options of node that children share: not those that name a program or take a port. */
function inheritable(options: readonly string[]): string[] {
  const withValue = new Set(['-e', '--eval', '-p', '--print', '--input-type']);
  return options.filter((option, i) => {
    if (withValue.has(option) || withValue.has(options[i - 1] ?? '')) return false;
    return !/^(--inspect|--watch|--test|--eval=|--print=|--input-type=|-i$)/.test(option);
  });
}
