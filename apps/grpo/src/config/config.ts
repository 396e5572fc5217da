import { z } from 'zod';
import { checkpoint } from './checkpoint.ts';
import { dataset } from './dataset.ts';
import { evaluation } from './evaluation.ts';
import { generator } from './generator.ts';
import { grpo } from './grpo.ts';
import { model } from './model.ts';
import { reward } from './reward.ts';
import { run } from './run.ts';
import { trainer } from './trainer.ts';
import { warmup } from './warmup.ts';

/** Everything a run can be told, with the defaults of the embedded task. Unknown keys are refused. */
export const configSchema = z.strictObject({
  run,
  checkpoint,
  model,
  dataset,
  warmup,
  grpo,
  generator,
  trainer,
  reward,
  evaluation,
});

/** A complete, checked configuration. */
export type Config = z.infer<typeof configSchema>;
