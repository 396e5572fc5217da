import { endpoint } from '@forge/monarch';
import { ForgeActor } from '@forge/service';
import type { ExecuteOptions, Execution } from './execution.ts';
import { PythonSandbox, type SandboxOptions } from './python-sandbox.ts';

/**
 * A {@link PythonSandbox} as an actor, to be replicated as a service.
 *
 * ```ts
 * await using coder = await SandboxedPythonCoder.options({ procs: 1, numReplicas: 4 }).asService();
 * const { stdout, stderr } = await coder.execute.route(code);
 * ```
 *
 * Source: TorchForge `forge/actors/coder.py`, `SandboxedPythonCoder`.
 */
export class SandboxedPythonCoder extends ForgeActor {
  static readonly module: string = import.meta.url;
  readonly #options: SandboxOptions;
  #sandbox: PythonSandbox | undefined;

  constructor(options: SandboxOptions = {}) {
    super();
    this.#options = options;
  }

  override async setup(): Promise<void> {
    this.#sandbox = await PythonSandbox.open(this.#options);
  }

  override async cleanup(): Promise<void> {
    await this.#sandbox?.[Symbol.asyncDispose]();
  }

  /** Runs code to its end or until its time is over. */
  readonly execute = endpoint(
    // An actor is set up before its first message.
    async (code: string, options: ExecuteOptions = {}): Promise<Execution> =>
      await this.#sandbox!.execute(code, options),
    { concurrency: Number.POSITIVE_INFINITY, idempotent: true },
  );
}
