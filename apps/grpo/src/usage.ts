/** What `--help` prints before the settings. */
export const usage = `Trains a language model by asynchronous GRPO.

  npm start                                   a small model learns word problems, in a few minutes on two cores
  npm start -- --config <file.yaml> [key=value …]

  --config <file>   settings as YAML           [apps/grpo/configs/default.yaml]
  --help [topic …]  this text, or the settings of a section or key alone: --help grpo
  key=value         overrides a setting: grpo.steps=50 run.seed=2 reward.shuffle=true
                    model.path=<folder or hub name> dataset.path=<file, folder or hub name>

  npm start -- run.resume=latest              goes on with the newest run, or with run.name=<name>
  npm run evaluate -- model.path=<folder>     held-out accuracy of any model; --help says more
  npm run dashboard                           shows the runs on a web page, also while they go on

Everything a run does is written to runs/<name>/: metrics.jsonl, completions.jsonl, checkpoints, curves.svg, config.yaml.
Ctrl-C once ends a run cleanly, twice at once.
`;
