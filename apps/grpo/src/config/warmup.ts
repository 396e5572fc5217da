import { count, positive, share } from '@forge/run';
import { z } from 'zod';

/** The supervised phase before reinforcement learning. */
export const warmup = z
  .strictObject({
    maxSteps: z.int().min(0).default(600).describe('supervised steps at most; 0 starts with GRPO at once'),
    batchSize: count.default(64).describe('worked solutions of one step'),
    learningRate: positive.default(1e-3).describe('reached over 20 steps'),
    evaluateEvery: count
      .default(10)
      .describe('steps between evaluations; each step, and a smaller one, from a quarter of `stopAccuracy` on'),
    stopAccuracy: share.default(0.5).describe('held-out accuracy at which the warm-up ends'),
  })
  .prefault({});
