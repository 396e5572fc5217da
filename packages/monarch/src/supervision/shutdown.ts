import { program } from '../program/current-program.ts';

/** Stops everything that this program started, in order, and waits until it is gone. */
export async function shutdown(reason = 'the program shuts down.'): Promise<void> {
  await program().stop(reason);
}

/**
 * Stops the program on SIGINT and SIGTERM: the first signal in order, the second at once. Exits with 128 + the
 * signal's number. Disposing it gives the signals back.
 */
export function shutdownOnSignals(): Disposable {
  const numbers = { SIGINT: 2, SIGTERM: 15 } as const;
  let asked = false;
  const onSignal = (signal: keyof typeof numbers) => {
    const code = 128 + numbers[signal];
    if (asked) program().platform.exit(code);
    asked = true;
    void shutdown(`the program received ${signal}.`).finally(() => program().platform.exit(code));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    [Symbol.dispose]: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
