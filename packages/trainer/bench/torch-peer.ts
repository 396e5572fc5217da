import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** What a script answers to one request. */
export type Answer = Readonly<Record<string, unknown>>;

/** A Python script beside this file that answers JSON lines with JSON lines, one at a time; its stderr is shown. */
export class TorchPeer implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: NodeJS.AsyncIterator<string>;
  readonly #lines: Interface;

  constructor(python: string, script: string) {
    this.#child = spawn(python, [fileURLToPath(new URL(script, import.meta.url))], { stdio: 'pipe' });
    this.#child.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  /** @throws when the script ended, which says why on stderr. */
  async ask(request: object): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const { done, value } = await this.#answers.next();
    if (done) throw new Error('The script ended without an answer.');
    return JSON.parse(value) as Answer; // the scripts print objects
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
    this.#lines.close();
  }
}
