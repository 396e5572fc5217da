import { count, positive } from '@forge/run';
import { z } from 'zod';

/** The problems that are asked, and how. */
export const asked = z.strictObject({
  problems: count.default(256).describe('held-out problems asked in one'),
  samples: z
    .int()
    .min(0)
    .default(0)
    .describe('answers that are sampled to each problem, beside the greedy one, for pass@k, mean@n and majority@n'),
  temperature: positive.default(1).describe('of these samples'),
  passAt: z.array(count).min(1).default([1, 4, 16]).describe('each k of pass@k; those above `samples` are left out'),
});

/** How the held-out problems are asked. */
export const evaluation = asked
  .extend({
    every: count.default(5).describe('GRPO steps between evaluations'),
    atStart: z.boolean().default(true).describe('evaluates before the first GRPO step where no warm-up did'),
    keepBest: z.boolean().default(true).describe('keeps the weights with the best held-out accuracy in `best/`'),
  })
  .prefault({});
