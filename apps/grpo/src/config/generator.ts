import { QUANTIZATIONS } from '@forge/models';
import { count, positive } from '@forge/run';
import { z } from 'zod';

/** Sampling. */
export const generator = z
  .strictObject({
    replicas: count.default(1).describe('processes that sample'),
    threads: count.default(1).describe('of each replica'),
    maxTokens: count.default(16).describe('of one completion'),
    temperature: positive
      .default(0.3)
      .describe('of the samples, and of the log-probabilities that are trained on; evaluations are greedy'),
    updateMode: z
      .enum(['inFlight', 'recompute', 'drain'])
      .default('inFlight')
      .describe(
        'what new weights do to running completions: they go on as they are, are computed again with them and go on, or end first',
      ),
    quantization: z
      .enum(QUANTIZATIONS)
      .optional()
      .describe('of the weights that sample; a `grpo.correction` weighs what it changes'),
    packedWeights: z
      .boolean()
      .optional()
      .describe(
        'weights in the order in which products read them, prepared at every update; for large models when left out',
      ),
    kvCacheBytes: count.default(2 ** 32).describe('memory for keys and values of one replica, at most'),
    maxSequences: count.default(256).describe('decoded at the same time, in one replica'),
  })
  .prefault({});
