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
    maxSequences: count.default(256).describe('decoded at the same time, in one replica'),
  })
  .prefault({});
