#!/usr/bin/env node
import { OptionError } from '../errors.ts';
import { addressText } from './address.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { HELP, readHostOptions } from './host-options.ts';

/** The command `forge-host`: serves this machine until it is stopped. */
async function main(): Promise<void> {
  const options = readHostOptions(process.argv.slice(2));
  if (options === undefined) return void process.stdout.write(HELP);
  const log = (line: string) => void process.stdout.write(`${line}\n`);
  const daemon = await startDaemon({ ...options, log });
  stopOnSignals(daemon);
  const { credentials, allow } = options;
  const guard = { none: 'plain, for this machine only', token: 'token', certificates: 'certificates' }[
    credentials.kind
  ];
  log(`forge-host listens on ${addressText(daemon.address)} (${guard}), for modules below ${allow.join(', ')}`);
}

function stopOnSignals(daemon: Daemon): void {
  process.on('exit', () => daemon.killNow());
  for (const [signal, number] of [['SIGINT', 2] as const, ['SIGTERM', 15] as const, ['SIGHUP', 1] as const]) {
    // The second one at once.
    process.once(signal, () => {
      process.once(signal, () => process.exit(128 + number));
      void daemon.close(`the host was stopped by ${signal}`).then(() => process.exit(0));
    });
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof OptionError)) throw error;
  process.stderr.write(`forge-host: --${error.option}: ${error.message}\n`);
  process.exitCode = 2;
}
