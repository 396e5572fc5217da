const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Why a run ends early. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('The run was interrupted.');
    this.exitCode = exitCode;
  }
}

/** A signal that aborts, with {@link Interrupted}, by Ctrl-C or SIGTERM; a second one ends the process at once. */
export function interruption(): AbortSignal {
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (interrupt.signal.aborted) process.exit(EXIT_CODES[signal]);
      process.stderr.write('\nStopping; once more ends at once.\n');
      interrupt.abort(new Interrupted(EXIT_CODES[signal]));
    });
  }
  return interrupt.signal;
}
