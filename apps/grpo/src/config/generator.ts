import { count, positive } from '@forge/run';
import { z } from 'zod';

/** Sampling. */
export const generator = z
  .strictObject({
    replicas: count.default(1),
    threads: count.default(1),
    maxTokens: count.default(16),
    /** Of the samples, and of the log-probabilities that are trained on. */
    temperature: positive.default(0.3),
    maxSequences: count.default(256),
  })
  .prefault({});
