import { z } from 'zod';
import { count, decay, positive } from './numbers.ts';

/** Training steps. */
export const trainerSettings = z
  .strictObject({
    threads: count.default(2),
    /** Tokens of a packed row; the longest sequence of a batch when left out. */
    tokensPerRow: count.optional(),
    maxTokensPerMicroBatch: count.default(2048),
    /** Decay of AdamW's two moments. */
    betas: z.tuple([decay, decay]).default([0.9, 0.99]),
    maxGradNorm: positive.default(1),
    weightDecay: z.number().min(0).default(0),
  })
  .prefault({});
