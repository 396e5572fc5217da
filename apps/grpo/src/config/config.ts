import {
  checkpointSettings,
  datasetSettings,
  environmentSettings,
  modelSettings,
  runSettings,
  trainerSettings,
} from '@forge/run';
import { z } from 'zod';
import { contradictions } from './contradictions.ts';
import { curriculum } from './curriculum.ts';
import { diagnostics } from './diagnostics.ts';
import { evaluation } from './evaluation.ts';
import { generator } from './generator.ts';
import { grpo } from './grpo.ts';
import { reward } from './reward.ts';
import { teacher } from './teacher.ts';
import { warmup } from './warmup.ts';

/** Everything a run can be told, with the defaults of the embedded task. Unknown keys are refused. */
export const configSchema = z
  .strictObject({
    run: runSettings,
    checkpoint: checkpointSettings,
    model: modelSettings,
    dataset: datasetSettings,
    curriculum,
    warmup,
    grpo,
    generator,
    trainer: trainerSettings,
    environment: environmentSettings,
    reward,
    teacher,
    evaluation,
    diagnostics,
  })
  .superRefine((config, context) => {
    for (const { key, reason } of contradictions(config)) {
      context.addIssue({ code: 'custom', path: key.split('.'), message: reason });
    }
  });

/** A complete, checked configuration. */
export type Config = z.infer<typeof configSchema>;
