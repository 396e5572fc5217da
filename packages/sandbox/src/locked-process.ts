import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { SandboxStartError } from './errors.ts';
import { type Frame, FrameReader, type FramesEnd } from './frame-reader.ts';
import { encodeFrame, type FrameType } from './frames.ts';

/** Memory of JavaScript objects beside the memory of the interpreter, in MiB. */
const HEAP_MIB = 192;
/** Characters of standard error that are kept. */
const KEPT_STDERR = 4_096;

/** A process without rights, and the pipe to it. */
export class LockedProcess {
  readonly #child: ChildProcess;
  readonly #link: Duplex;
  readonly #reader: FrameReader;
  readonly #ended: Promise<unknown>;
  #stderr = '';

  /**
   * @param program - of this package, in the folder `child`.
   * @param maxPayloadBytes - of the frames that it sends.
   * @param maxCpuSeconds - what is left of a process whose program was killed ends by then, even in a loop outside of Python.
   */
  constructor(
    program: 'image' | 'serve',
    args: readonly string[],
    { maxPayloadBytes, maxCpuSeconds }: { readonly maxPayloadBytes: number; readonly maxCpuSeconds: number },
  ) {
    const [command, options] = commandLine(program, args, maxCpuSeconds);
    const root = path.parse(import.meta.dirname).root;
    this.#child = spawn(command, options, { env: {}, cwd: root, stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
    const { stderr, stdio } = this.#child;
    this.#link = stdio[3] as Duplex; // a pipe
    this.#reader = new FrameReader(this.#link, maxPayloadBytes);
    this.#ended = once(this.#child, 'close').catch(() => {});
    this.#link.on('error', () => {}); // it has ended: that is what the end of the frames tells
    stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_STDERR);
    });
    this.#child.on('error', (error) => {
      this.#stderr ||= error.message;
    });
  }

  send(type: FrameType, payload: Uint8Array): void {
    this.#link.write(encodeFrame(type, payload));
  }

  /** The next frame. None comes from a process that has ended, whose {@link ended} then tells how. */
  async receive(): Promise<Frame | FramesEnd> {
    return await this.#reader.next();
  }

  /** The first frame, when it is of this type; otherwise the process has ended. @throws {SandboxStartError} */
  async receiveFirst(type: FrameType): Promise<Frame> {
    const frame = await this.receive();
    if (typeof frame === 'object' && frame.type === type) return frame;
    await this.kill();
    const { exitCode, signalCode } = this.#child;
    throw new SandboxStartError(`its process ended with ${signalCode ?? `exit code ${exitCode}`}`, this.#stderr.trim());
  }

  /** Whether it has ended, as far as is known. */
  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Waits until it is gone. @returns the signal that ended it. */
  async ended(): Promise<NodeJS.Signals | undefined> {
    await this.#ended;
    return this.#child.signalCode ?? undefined;
  }

  /** Ends the process at once, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

/** A Node without rights: it may read its own code and Pyodide's, and nothing else. */
function commandLine(
  program: string,
  args: readonly string[],
  maxCpuSeconds: number,
): readonly [string, readonly string[]] {
  const here = import.meta.dirname;
  const entry = path.join(here, 'child', `${program}${path.extname(import.meta.url)}`);
  const pyodide = path.dirname(fileURLToPath(import.meta.resolve('pyodide')));
  const options = [
    '--permission',
    ...[here, path.join(here, '..', 'package.json'), pyodide].map((each) => `--allow-fs-read=${each}`),
    '--disallow-code-generation-from-strings',
    `--max-old-space-size=${HEAP_MIB}`,
    '--no-warnings',
    entry,
    pathToFileURL(path.join(pyodide, 'pyodide.mjs')).href,
    ...args,
  ];
  if (process.platform === 'win32') return [process.execPath, options];
  const limited = `ulimit -t ${maxCpuSeconds}; ulimit -c 0; exec "$@"`;
  return ['/bin/sh', ['-c', limited, 'sh', process.execPath, ...options]];
}
