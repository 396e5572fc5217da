import {
  checkpointSettings,
  count,
  datasetSettings,
  environmentSettings,
  modelSettings,
  positive,
  runSettings,
  trainerSettings,
} from '@forge/run';
import { z } from 'zod';
import { accuracyRules } from './accuracy.ts';

/** Supervised training: how much, how fast, on which tokens. */
const sft = z
  .strictObject({
    epochs: positive.default(1).describe('times that each example is trained on; a part of one as well'),
    maxSteps: count.optional().describe('optimiser steps at most'),
    batchSize: count.default(64).describe('examples of one step'),
    learningRate: positive.default(1e-3).describe('of the optimiser'),
    warmupSteps: z.int().min(0).default(20).describe('steps over which it rises, from 0'),
    schedule: z
      .enum(['constant', 'linear', 'cosine'])
      .default('cosine')
      .describe('how it goes from there: `cosine` and `linear` fall to 0 at the last step, `constant` stays'),
    learn: z
      .enum(['assistant', 'all'])
      .default('assistant')
      .describe('what the assistant says, or every token of an example'),
    systemPrompt: z.string().optional().describe('said first, in examples that have no system message of their own'),
    maxTokens: count
      .optional()
      .describe('of an example; longer ones are cut. As many as the model reads when left out'),
  })
  .prefault({});

/** How it is told what was learned. */
const evaluation = z
  .strictObject({
    every: count.default(25).describe('steps between evaluations; one comes before the first and after the last, too'),
    problems: count.default(256).describe('held-out examples of one'),
    accuracy: z
      .enum(['none', ...Object.keys(accuracyRules)])
      .default('none')
      .describe(
        'what tells which greedy answers to the held-out examples are right: their targets, or the `environment` that they are played in; `none` asks for no answers',
      ),
    maxTokens: count.default(64).describe('of an answer'),
    threads: count.default(1).describe('of the process that answers'),
  })
  .prefault({});

/** Everything a run can be told, with the defaults of the embedded task. Unknown keys are refused. */
export const configSchema = z
  .strictObject({
    run: runSettings,
    checkpoint: checkpointSettings,
    model: modelSettings,
    dataset: datasetSettings,
    sft,
    trainer: trainerSettings,
    environment: environmentSettings,
    evaluation,
  })
  .superRefine(({ dataset, sft: { maxSteps } }, context) => {
    const isEndless = [dataset, ...(dataset.sources ?? [])].some(({ task }) => task !== undefined);
    if (!isEndless || maxSteps !== undefined) return;
    const message = 'generated tasks have no end; say how many steps to take';
    context.addIssue({ code: 'custom', path: ['sft', 'maxSteps'], message });
  });

/** A complete, checked configuration. */
export type Config = z.infer<typeof configSchema>;
