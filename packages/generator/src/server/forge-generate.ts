#!/usr/bin/env node
import { downloadLines } from '@forge/hub';
import { CommandLineError } from '../errors.ts';
import { openModel } from '../open-model.ts';
import { HELP, readCommand } from './command-line.ts';
import { serve } from './serve.ts';
import { chatInTerminal } from './terminal-chat.ts';

/** The command `forge-generate`. */
async function main(): Promise<void> {
  const command = readCommand(process.argv.slice(2));
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  if (command.kind === 'help') return void process.stdout.write(HELP);
  const startedAtMs = performance.now();
  await using model = await openModel(command.model, { ...command.engine, onProgress: downloadLines(say) });
  say(`${command.model} is loaded (${((performance.now() - startedAtMs) / 1000).toFixed(1)} s)`);
  if (command.kind === 'chat') {
    await chatInTerminal(model, { ...command, input: process.stdin, output: process.stdout });
    return;
  }
  await using server = await serve(model, command.serve);
  const guard = command.serve.apiKeys?.length ? `${command.serve.apiKeys.length} keys` : 'no key needed';
  process.stdout.write(`forge-generate serves ${command.serve.name ?? model.name} on ${server.url}/v1 (${guard})\n`);
  const signal = await firstSignal();
  say(`${signal}: requests in progress may take ${command.graceMs / 1000} s more`);
  await server.close(command.graceMs);
}

/** The second signal ends the process at once. */
function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const [signal, number] of [['SIGINT', 2] as const, ['SIGTERM', 15] as const]) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(128 + number));
        resolve(signal);
      });
    }
  });
}

try {
  await main();
} catch (error) {
  const { message } = error instanceof Error ? error : { message: String(error) };
  const option = error instanceof CommandLineError ? `--${error.option}: ` : '';
  process.stderr.write(`forge-generate: ${option}${message}\n`);
  process.exitCode = error instanceof CommandLineError ? 2 : 1;
}
