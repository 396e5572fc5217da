import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { canSeeProcesses, processesWith, type Seen } from './processes.ts';
import { until } from './until.ts';

/** Of programs that were started. A test that runs out of time does not dispose of its own. */
const marks = new Set<string>();
process.once('exit', () => {
  if (canSeeProcesses) for (const mark of marks) killAll(mark);
});

function killAll(mark: string): void {
  for (const { pid } of processesWith(mark)) process.kill(pid, 'SIGKILL');
}

/** How a program ended. */
export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program, running in a process group of its own. */
export interface RunningProgram extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Settles when it has ended and closed its output. */
  readonly ended: Promise<End>;
  isOver(): boolean;
  /** The first line of stdout or stderr that matches. @throws when the program ends without it. */
  line(pattern: RegExp): Promise<string>;
  /** Its processes that live, itself among them. Linux only. */
  processes(): readonly Seen[];
  /** The process of a part, such as `trainer`, as soon as there is one that is not among `known`. Linux only. */
  part(name: string, known?: readonly number[]): Promise<number>;
  /** What it has left in its temporary folder, and its segments of memory. */
  leftovers(): readonly string[];
}

export interface StartProgramOptions {
  /** An existing folder, in which it runs. */
  readonly folder: string;
  /** Of the folder in there that is its temporary one. @default 'program' */
  readonly name?: string;
  /** Environment variables beside those of this process. @default none */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Starts a program as its user does. Disposing it kills what is left of it.
 *
 * @param main - the file of the program, as built.
 */
export function startProgram(
  main: string,
  args: readonly string[],
  { folder, name = 'program', env = {} }: StartProgramOptions,
): RunningProgram {
  if (!existsSync(main)) throw new TypeError(`${main} is missing: build the program before its tests (tsc -b).`);
  const mark = `FORGE_TEST_RUN=${randomUUID()}`;
  const temporary = path.join(folder, `${name}-tmp`);
  mkdirSync(temporary, { recursive: true });
  marks.add(mark);
  const [key = '', value = ''] = mark.split('=');
  const child = spawn(process.execPath, [main, ...args], {
    cwd: folder,
    env: { ...process.env, ...env, [key]: value, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const lines: string[] = [];
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    createInterface(child[stream]).on('line', (line) => {
      lines.push(line);
      output[stream] += `${line}\n`;
    });
  }
  let isOver = false;
  const ended = new Promise<End>((resolve) => {
    child.once('close', (code, signal) => {
      isOver = true;
      resolve({ code, signal, ...output });
    });
  });
  const pids = new Set<number>();
  const processes = () => {
    const living = processesWith(mark);
    for (const { pid } of living) pids.add(pid);
    return living;
  };
  return {
    child,
    ended,
    isOver: () => isOver,
    line: (pattern) =>
      until(() => {
        const found = lines.find((line) => pattern.test(line));
        if (found === undefined && isOver)
          throw new Error(`The program ended without ${pattern}:\n${lines.join('\n')}`);
        return found;
      }),
    processes,
    part: (name, known = []) =>
      until(() => {
        if (isOver) throw new Error(`The program ended without a process ${name}:\n${lines.join('\n')}`);
        return processes().find((seen) => seen.name === `${name}/0` && !known.includes(seen.pid))?.pid;
      }),
    leftovers: () => [...readdirSync(temporary), ...segmentsOf(pids)],
    [Symbol.asyncDispose]: async () => {
      if (canSeeProcesses) killAll(mark);
      else child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Folders of a store in memory that belong to one of these processes. */
function segmentsOf(pids: ReadonlySet<number>): readonly string[] {
  const parent = '/dev/shm';
  if (!existsSync(parent)) return [];
  return readdirSync(parent).filter((name) => pids.has(Number(/^forge-torchstore-\d+-(\d+)-/.exec(name)?.[1])));
}
