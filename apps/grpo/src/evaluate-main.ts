import path from 'node:path';
import { shutdown, shutdownOnSignals } from '@forge/monarch';
import { helpText, loadSettings, parseCommandLine } from '@forge/run';
import { evaluateAlone, evaluateSchema } from './evaluate-alone.ts';

const usage = `Judges a language model on problems: accuracy of its greedy answers, and pass@k of sampled ones.

  npm run evaluate -- model.path=<folder or hub name> dataset.path=<file.jsonl> [key=value …]
  npm run evaluate -- model.path=runs/<name>/trained          on the held-out word problems of the embedded task

  --config <file>   settings as YAML           [apps/grpo/configs/evaluate.yaml]
  --help [topic …]  this text, or the settings of a section or key alone: --help evaluation
  key=value         overrides a setting: evaluation.samples=16 evaluation.problems=1000 generator.maxTokens=512

Prints a table, and as its last line all metrics as JSON. Exit codes: 0 done, 1 a failure, 2 bad input, 3 an accuracy below
evaluation.atLeast.
`;

const FAILED = 1;
const BAD_INPUT = 2;
const TOO_LOW = 3;

async function main(): Promise<number> {
  shutdownOnSignals();
  const command = parseCommandLine(
    process.argv.slice(2),
    path.resolve(import.meta.dirname, '../configs/evaluate.yaml'),
  );
  if (command.kind === 'help') {
    process.stdout.write(helpText(command.topics, { usage, schema: evaluateSchema }));
    return 0;
  }
  const config = await loadSettings(evaluateSchema, command);
  const { accuracy, metrics } = await evaluateAlone(config, (line) => process.stderr.write(`${line}\n`));
  const width = Math.max(...Object.keys(metrics).map((key) => key.length));
  for (const [key, value] of Object.entries(metrics))
    process.stdout.write(`${key.padEnd(width)}  ${value.toFixed(4)}\n`);
  process.stdout.write(`${JSON.stringify({ model: config.model.path ?? 'embedded', ...metrics })}\n`);
  return accuracy < config.evaluation.atLeast ? TOO_LOW : 0;
}

process.exitCode = await main().catch((error: unknown) => {
  // Refused input says what to correct; anything else says where it happened.
  const isDescribed = error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_');
  console.error(isDescribed ? error.message : error);
  return isDescribed ? BAD_INPUT : FAILED;
});
await shutdown();
