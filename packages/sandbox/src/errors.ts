/** An option of a sandbox cannot be obeyed. */
export class SandboxOptionsError extends Error {
  override readonly name = 'SandboxOptionsError';
  readonly code = 'ERR_SANDBOX_OPTIONS';
  readonly option: string;
  readonly value: unknown;

  constructor(option: string, value: unknown, expected: string) {
    super(`${option} is ${String(value)}; expected ${expected}`);
    this.option = option;
    this.value = value;
  }
}

/** A process of the sandbox ended before it was ready. */
export class SandboxStartError extends Error {
  override readonly name = 'SandboxStartError';
  readonly code = 'ERR_SANDBOX_START';
  /** The last it wrote to standard error. */
  readonly stderr: string;

  constructor(reason: string, stderr: string) {
    super(`the Python sandbox did not start: ${reason}${stderr === '' ? '' : `\n${stderr}`}`);
    this.stderr = stderr;
  }
}

/** The sandbox was stopped before the code ran to its end. */
export class SandboxStoppedError extends Error {
  override readonly name = 'SandboxStoppedError';
  readonly code = 'ERR_SANDBOX_STOPPED';

  constructor() {
    super('the Python sandbox has stopped');
  }
}

/** The process that ran the code was killed by something else than the code, such as a machine without memory. */
export class SandboxKilledError extends Error {
  override readonly name = 'SandboxKilledError';
  readonly code = 'ERR_SANDBOX_KILLED';
  readonly signal: string;

  constructor(signal: string) {
    super(`the process that ran the code was killed from outside by ${signal}; the code has no result, run it again`);
    this.signal = signal;
  }
}
