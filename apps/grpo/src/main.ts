import { existsSync } from 'node:fs';
import { mkdir, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { shutdown } from '@forge/monarch';
import { findResumed, newestRun } from './checkpoints/find-resumed.ts';
import { help, parseCommandLine } from './command-line.ts';
import { ConfigError } from './errors.ts';
import { loadConfig } from './load-config.ts';
import { Progress } from './progress.ts';
import { RunLog } from './run-log.ts';
import { prepareSource } from './source/source.ts';
import { describeEnd, train } from './train.ts';

/** Exit codes: 0 done, 1 a failure while running, 2 bad input (nothing was started), 130 and 143 interrupted. */
const FAILED = 1;
const BAD_INPUT = 2;
const INTERRUPTED = { SIGINT: 130, SIGTERM: 143 } as const;

class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('The run was interrupted.');
    this.exitCode = exitCode;
  }
}

async function main(): Promise<number> {
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (interrupt.signal.aborted) process.exit(INTERRUPTED[signal]);
      console.error('\nStopping; once more ends at once.');
      interrupt.abort(new Interrupted(INTERRUPTED[signal]));
    });
  }

  const prepared = await prepare(process.argv.slice(2)).catch((error: unknown) => {
    const isInput = isDescribed(error);
    console.error(isInput ? error.message : error);
    return isInput ? BAD_INPUT : FAILED;
  });
  if (typeof prepared === 'number') return prepared;
  const { config, folder, source, resumed } = prepared;

  const progress = new Progress();
  const checkpoint = resumed?.checkpoint;
  if (checkpoint !== undefined) progress.note(`Resumed from ${checkpoint.folder}`);
  for (const change of resumed?.changes ?? []) progress.note(`Changed: ${change}`);
  const log = new RunLog(folder, config, (line) => progress.note(line), checkpoint?.log);
  const failure = await train({ config, source, log, progress, signal: interrupt.signal, resumed: checkpoint }).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  progress.end();
  await log[Symbol.asyncDispose]();
  await shutdown();
  // The death of a process is reported, and the exit code set, where it is noticed. What failed because of it, as calls
  // that were under way, would only hide it.
  const isReported = process.exitCode !== undefined;
  if (failure !== undefined && !interrupt.signal.aborted && !isReported) console.error(failure.error);
  console.log(describeEnd(log));
  if (failure === undefined) return 0;
  const { reason } = interrupt.signal;
  return reason instanceof Interrupted ? reason.exitCode : FAILED;
}

/** Reads and checks everything that a run is given, before anything is started. A number is an exit code. */
async function prepare(args: readonly string[]) {
  const parsed = parseCommandLine(args, path.resolve(import.meta.dirname, '../configs/default.yaml'));
  if (parsed === undefined) {
    console.log(help);
    return 0;
  }
  const config = await loadConfig(parsed);
  const isResumed = config.run.resume === 'latest';
  const newest = isResumed ? await newestRun(config.run.folder) : undefined;
  const folder = path.join(config.run.folder, config.run.name ?? newest ?? timeStamp(new Date()));
  const resumed = isResumed ? await findResumed(folder, config) : undefined;
  if (!isResumed && existsSync(path.join(folder, 'metrics.jsonl'))) {
    throw new ConfigError([
      `run.name: ${folder} holds a run already; choose another name, go on with it by run.resume=latest, or remove that folder.`,
    ]);
  }
  await mkdir(folder, { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new ConfigError([`run.folder: ${folder} cannot be made (${cause.code}).`]);
  });
  try {
    return { config, folder, resumed, source: await prepareSource(config, folder) };
  } catch (error) {
    // Refused input leaves no empty folder behind; one that holds something stays.
    await rmdir(folder).catch(() => undefined);
    throw error;
  }
}

/** An error whose message alone tells a user what to correct. */
function isDescribed(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_');
}

function timeStamp(now: Date): string {
  return now.toISOString().slice(0, 19).replaceAll(':', '-');
}

process.exitCode = await main();
