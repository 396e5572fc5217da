import { inspect } from 'node:util';
import { shutdown } from '@forge/monarch';
import { Progress } from '../display/progress.ts';
import { recordSession } from '../record/run-file.ts';
import { RunLog } from '../record/run-log.ts';
import { surroundingsOf } from '../record/surroundings.ts';
import { parseCommandLine } from '../settings/command-line.ts';
import { helpText } from '../settings/help.ts';
import { loadSettings } from '../settings/load-settings.ts';
import { Interrupted, interruption } from './interruption.ts';
import { type OpenedRun, openRun } from './open-run.ts';
import type { Program, ResumePoint, RunsSomewhere } from './program.ts';

const FAILED = 1;
const BAD_INPUT = 2;

/**
 * Runs a training program as its `main` does.
 *
 * @param args - the command line. @default process.argv
 * @returns the exit code: 0 done, 1 a failure while running, 2 bad input (nothing was started), 130 and 143 interrupted.
 */
export async function runProgram<Settings extends RunsSomewhere, Input, Checkpoint extends ResumePoint>(
  program: Program<Settings, Input, Checkpoint>,
  args: readonly string[] = process.argv.slice(2),
): Promise<number> {
  const signal = interruption();
  const opened = await open(program, args).catch((error: unknown) => {
    tell(isDescribed(error) ? error.message : error);
    return isDescribed(error) ? BAD_INPUT : FAILED;
  });
  if (typeof opened === 'number') return opened;
  const { settings, folder, input, resumed } = opened;

  const progress = new Progress();
  const checkpoint = resumed?.checkpoint;
  if (checkpoint !== undefined) progress.note(`Resumed from ${checkpoint.folder}`);
  for (const change of resumed?.changes ?? []) progress.note(`Changed: ${change}`);
  const session = {
    started: new Date().toISOString(),
    args,
    seed: settings.run.seed,
    ...surroundingsOf(program.manifest),
  };
  for (const change of recordSession(folder, session, { isResumed: checkpoint !== undefined })) {
    progress.note(`Changed since the run was begun, its numbers may differ in their last bits: ${change}`);
  }
  const log = new RunLog(folder, {
    settings,
    keys: program.metricKeys ?? [],
    warn: (line) => progress.note(line),
    size: checkpoint?.log,
  });
  const failure = await program
    .train({ config: settings, source: input, log, progress, signal, resumed: checkpoint })
    .then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
  progress.end();
  await log[Symbol.asyncDispose]();
  await shutdown();
  // The death of a process is reported, and the exit code set, where it is noticed. What failed because of it, as calls
  // that were under way, would only hide it.
  const isReported = process.exitCode !== undefined;
  if (failure !== undefined && !signal.aborted && !isReported) tell(failure.error);
  process.stdout.write(`${program.describeEnd(log)}\n`);
  if (failure === undefined) return 0;
  return signal.reason instanceof Interrupted ? signal.reason.exitCode : FAILED;
}

/** Reads and checks everything that a run is given, before anything is started. A number is an exit code. */
async function open<Settings extends RunsSomewhere, Input, Checkpoint extends ResumePoint>(
  program: Program<Settings, Input, Checkpoint>,
  args: readonly string[],
): Promise<OpenedRun<Settings, Input, Checkpoint> | number> {
  const { usage, schema, defaultConfig } = program;
  const command = parseCommandLine(args, defaultConfig);
  if (command.kind === 'help') {
    process.stdout.write(helpText(command.topics, { usage, schema, columns: process.stdout.columns ?? 120 }));
    return 0;
  }
  return await openRun(await loadSettings(schema, command), program);
}

/** An error whose message alone tells a user what to correct. */
function isDescribed(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_');
}

function tell(error: unknown): void {
  process.stderr.write(`${typeof error === 'string' ? error : inspect(error)}\n`);
}
