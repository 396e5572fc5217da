import { SandboxKilledError } from './errors.ts';
import type { Execution } from './execution.ts';
import { type Done, FRAME, type Request } from './frames.ts';
import { image } from './image.ts';
import type { Limits } from './limits.ts';
import { LockedProcess } from './locked-process.ts';

/** Time beyond that of an execution that Python has to notice that its time is over, in ms; then the process is killed. */
const GRACE_MS = 250;
/** Bytes of one character of a result as JSON, at most. */
const ESCAPED_BYTES = 6;
/** Bytes around a result, in JSON. */
const ENVELOPE_BYTES = 256;
/** Time of executions in ms after which a process is replaced, so that its CPU time can be limited. */
const RETIRE_AFTER_MS = 60_000;
/** CPU time in s beside that of executions: the start, and what V8 compiles. */
const OVERHEAD_CPU_SECONDS = 60;

/** Signals that come from outside alone. By others a process ends when an interpreter breaks: V8 without memory, a fault. */
const OUTSIDE: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'];

/** One process with a Python interpreter in it. It runs one piece of code at a time. */
export class SandboxProcess {
  readonly #process: LockedProcess;
  readonly #maxOutputBytes: number;
  #usedMs = 0;

  private constructor(process: LockedProcess, maxOutputBytes: number) {
    this.#process = process;
    this.#maxOutputBytes = maxOutputBytes;
  }

  /** Starts a process and waits until its interpreter is loaded. @throws {SandboxStartError} */
  static async start({ memoryBytes, maxOutputBytes, timeoutMs }: Required<Limits>): Promise<SandboxProcess> {
    const memory = await image();
    const maxPayloadBytes = ESCAPED_BYTES * maxOutputBytes + ENVELOPE_BYTES;
    const maxCpuSeconds = OVERHEAD_CPU_SECONDS + Math.ceil((RETIRE_AFTER_MS + timeoutMs + GRACE_MS) / 1_000);
    const process = new LockedProcess('serve', [String(memoryBytes), String(maxOutputBytes)], {
      maxPayloadBytes,
      maxCpuSeconds,
    });
    process.send(FRAME.image, memory);
    await process.receiveFirst(FRAME.ready);
    return new SandboxProcess(process, maxOutputBytes);
  }

  /** Whether it was lost while nothing ran in it. */
  get hasEnded(): boolean {
    return this.#process.hasEnded;
  }

  /**
   * Runs code. When its time is over and Python does not stop, and when the interpreter breaks, the process has ended
   * afterwards.
   *
   * @returns how it ended, and whether the process should run more.
   * @throws {SandboxKilledError} when the process was killed from outside.
   */
  async run(request: Request): Promise<{ readonly execution: Execution; readonly isUsable: boolean }> {
    const startedAt = performance.now();
    let wasKilled = false;
    const timer = setTimeout(() => {
      wasKilled = true;
      void this.kill();
    }, request.timeoutMs + GRACE_MS);
    const stdout = new Output(this.#maxOutputBytes);
    const stderr = new Output(this.#maxOutputBytes);
    try {
      this.#process.send(FRAME.request, new TextEncoder().encode(JSON.stringify(request)));
      let frame = await this.#process.receive();
      for (; typeof frame === 'object'; frame = await this.#process.receive()) {
        const { type, payload } = frame;
        if (type === FRAME.stdout) stdout.add(payload);
        else if (type === FRAME.stderr) stderr.add(payload);
        else if (type === FRAME.done) {
          const { result, timedOut } = JSON.parse(new TextDecoder().decode(payload)) as Done;
          this.#usedMs += performance.now() - startedAt;
          const execution = { stdout: stdout.text, stderr: stderr.text, result, timedOut };
          return { execution, isUsable: this.#usedMs < RETIRE_AFTER_MS };
        } else break;
      }
      const signal = frame === 'ended' ? await this.#process.ended() : undefined;
      if (signal !== undefined && OUTSIDE.includes(signal) && !wasKilled) throw new SandboxKilledError(signal);
      await this.kill();
      const error = wasKilled ? stderr.text : `${stderr.text}SystemError: the interpreter was stopped\n`;
      const execution = { stdout: stdout.text, stderr: error, result: undefined, timedOut: wasKilled };
      return { execution, isUsable: false };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the process at once, and waits until it is gone. */
  async kill(): Promise<void> {
    await this.#process.kill();
  }
}

/** What was written to one stream, up to a number of bytes, whatever the process sends. */
class Output {
  readonly #chunks: Uint8Array[] = [];
  #room: number;

  constructor(maxBytes: number) {
    this.#room = maxBytes;
  }

  add(bytes: Uint8Array): void {
    const kept = bytes.subarray(0, this.#room);
    this.#room -= kept.length;
    if (kept.length > 0) this.#chunks.push(kept);
  }

  get text(): string {
    return new TextDecoder().decode(Buffer.concat(this.#chunks));
  }
}
