import { parseArgs } from 'node:util';
import { ConfigError } from './errors.ts';
import type { Arguments } from './load-config.ts';

/** What `--help` prints. */
export const help = `Trains a language model by asynchronous GRPO.

  npm start                                   a small model learns word problems, in a few minutes on two cores
  npm start -- --config <file.yaml> [key=value …]

  --config <file>   settings as YAML           [apps/grpo/configs/default.yaml]
  --help            this text
  key=value         overrides a setting: grpo.steps=50 run.seed=2 reward.shuffle=true
                    model.path=<folder or hub name> dataset.path=<file.jsonl>

  npm start -- run.resume=latest              goes on with the newest run, or with run.name=<name>
  npm run dashboard                           shows the runs on a web page, also while they go on

Everything a run does is written to runs/<name>/: metrics.jsonl, completions.jsonl, checkpoints, curves.svg, config.yaml.
Every setting, with its default, stands in apps/grpo/src/config and in the files of apps/grpo/configs.
Ctrl-C once ends a run cleanly, twice at once.
`;

/**
 * The command line as data; `undefined` when help is wanted.
 *
 * @throws {ConfigError} naming an option that does not exist.
 */
export function parseCommandLine(args: readonly string[], defaultConfig: string): Arguments | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
    if (values.help) return undefined;
    return { config: values.config ?? defaultConfig, overrides: positionals };
  } catch (cause) {
    throw new ConfigError([`${(cause as Error).message}. Run with --help for what there is.`]);
  }
}
