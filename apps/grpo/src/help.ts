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
