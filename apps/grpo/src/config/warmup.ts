import { count, positive, share } from '@forge/run';
import { z } from 'zod';

/** The supervised phase before reinforcement learning. */
export const warmup = z
  .strictObject({
    /** Supervised steps at most; 0 starts with GRPO at once. */
    maxSteps: z.int().min(0).default(600),
    batchSize: count.default(64),
    learningRate: positive.default(1e-3),
    /** Steps between evaluations; every step, and smaller ones, once a quarter of `stopAccuracy` is reached. */
    evaluateEvery: count.default(10),
    /** Held-out accuracy at which the warm-up ends. */
    stopAccuracy: share.default(0.5),
  })
  .prefault({});
