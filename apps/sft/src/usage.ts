/** What `--help` prints before the settings. */
export const usage = `Trains a language model on worked examples (SFT).

  npm run sft                                 a small model learns word problems, in a minute on two cores
  npm run sft -- --config <file.yaml> [key=value …]

  --config <file>   settings as YAML           [apps/sft/configs/default.yaml]
  --help [topic …]  this text, or the settings of a section or key alone: --help sft
  key=value         overrides a setting: sft.epochs=2 model.lora.rank=8
                    model.path=<folder or hub name> dataset.path=<file>

  npm run sft -- run.resume=latest            goes on with the newest run, or with run.name=<name>
  npm run dashboard                           shows the runs on a web page, also while they go on

Everything a run does is written to runs/<name>/: metrics.jsonl, checkpoints, config.yaml, trained/, adapters/.
Ctrl-C once ends a run cleanly, twice at once.
`;
