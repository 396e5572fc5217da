#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { compareRuns } from './compare/compare-runs.ts';
import { describeComparison } from './compare/describe-comparison.ts';
import { readRun } from './compare/read-run.ts';

const USAGE = `Compares runs by what they have written.

  npm run compare -- <run folder> <run folder> …

  --json                 as JSON
  --accuracies 0.5,0.9   held-out accuracies of which is told when they were reached
  --help                 this text
`;

/** The exit code. */
function main(): number {
  try {
    const { values, positionals: folders } = parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        accuracies: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
      allowPositionals: true,
    });
    if (values.help || folders.length === 0) {
      (values.help ? process.stdout : process.stderr).write(USAGE);
      return values.help ? 0 : 2;
    }
    const accuracies = values.accuracies?.split(',').map(Number);
    if (accuracies?.some((accuracy) => !(accuracy >= 0 && accuracy <= 1))) {
      throw new Error(`--accuracies ${values.accuracies}: expected numbers from 0 to 1, with commas between them.`);
    }
    const runs = folders.map(readRun);
    const comparison = compareRuns(runs, { ...(accuracies && { accuracies }) });
    process.stdout.write(
      values.json ? `${JSON.stringify(comparison, undefined, 2)}\n` : describeComparison(comparison, runs),
    );
    return 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 2;
  }
}

process.exitCode = main();
