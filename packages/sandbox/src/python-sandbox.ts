import { SandboxOptionsError, SandboxStoppedError } from './errors.ts';
import type { ExecuteOptions, Execution } from './execution.ts';
import { checkLimit, type Limits, resolveLimits } from './limits.ts';
import { SandboxProcess } from './sandbox-process.ts';

/** Settings of a {@link PythonSandbox}. */
export interface SandboxOptions extends Limits {
  /** Processes that are kept ready, and so pieces of code that run at the same time. @default 2 */
  readonly processes?: number;
}

/** A place for a process; when one has ended, the next is already starting. */
interface Slot {
  process: Promise<SandboxProcess>;
}

/**
 * Runs Python that nobody has read: in WebAssembly, in processes that may not touch files, network or other processes, with
 * limits of time, memory and output. Every execution begins with the same fresh interpreter; none sees what another left.
 */
export class PythonSandbox implements AsyncDisposable {
  readonly #limits: Required<Limits>;
  readonly #slots: readonly Slot[];
  readonly #free: Slot[];
  readonly #waiting: PromiseWithResolvers<Slot>[] = [];
  #stopped = false;

  private constructor(limits: Required<Limits>, processes: number) {
    this.#limits = limits;
    this.#slots = Array.from({ length: processes }, () => ({ process: start(limits) }));
    this.#free = [...this.#slots];
  }

  /**
   * Starts the processes and waits until all are ready.
   *
   * @throws {SandboxOptionsError} when a limit cannot be obeyed.
   * @throws {SandboxStartError} when a process does not start; none is left then.
   */
  static async open({ processes = 2, ...limits }: SandboxOptions = {}): Promise<PythonSandbox> {
    if (!Number.isInteger(processes) || processes < 1) {
      throw new SandboxOptionsError('processes', processes, 'an integer from 1');
    }
    const sandbox = new PythonSandbox(resolveLimits(limits), processes);
    try {
      await Promise.all(sandbox.#slots.map(({ process }) => process));
      return sandbox;
    } catch (error) {
      await sandbox[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Runs code to its end or until its time is over; its errors are in `stderr`. Code waits while all processes are busy; its
   * time begins when it runs.
   *
   * @throws {SandboxOptionsError} when the time cannot be obeyed.
   * @throws {SandboxStoppedError} when the sandbox stops first.
   * @throws {SandboxStartError} when no process could be started for it.
   * @throws {SandboxKilledError} when its process was killed from outside, and not by what it did.
   */
  async execute(
    code: string,
    { stdin = '', timeoutMs = this.#limits.timeoutMs }: ExecuteOptions = {},
  ): Promise<Execution> {
    checkLimit('timeoutMs', timeoutMs, this.#limits.timeoutMs);
    const slot = await this.#take();
    try {
      const process = await this.#livingOf(slot);
      const { execution, isUsable } = await process.run({ code, stdin, timeoutMs });
      if (this.#stopped) throw new SandboxStoppedError();
      if (!isUsable) {
        void process.kill();
        slot.process = start(this.#limits);
      }
      return execution;
    } catch (error) {
      if (this.#stopped) throw new SandboxStoppedError();
      slot.process = start(this.#limits);
      throw error;
    } finally {
      this.#release(slot);
    }
  }

  /** Ends all processes; what still runs or waits is refused. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    for (const { reject } of this.#waiting.splice(0)) reject(new SandboxStoppedError());
    await Promise.all(
      this.#slots.map(async ({ process }) => {
        const started = await process.catch(() => undefined);
        await started?.kill();
      }),
    );
  }

  /** The process of a place, or another one where it was lost while nothing ran in it. */
  async #livingOf(slot: Slot): Promise<SandboxProcess> {
    const { hasEnded } = await slot.process;
    if (this.#stopped) throw new SandboxStoppedError();
    if (hasEnded) slot.process = start(this.#limits);
    return await slot.process;
  }

  #take(): Promise<Slot> {
    if (this.#stopped) return Promise.reject(new SandboxStoppedError());
    const slot = this.#free.shift();
    if (slot !== undefined) return Promise.resolve(slot);
    const waiting = Promise.withResolvers<Slot>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  /** The place that was free first is taken first: a process that was replaced has the longest time to start. */
  #release(slot: Slot): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(slot);
    else next.resolve(slot);
  }
}

/** Starts a process; who takes it next hears of it when that fails. */
function start(limits: Required<Limits>): Promise<SandboxProcess> {
  const process = SandboxProcess.start(limits);
  process.catch(() => {});
  return process;
}
