import { z } from 'zod';
import { count, decay, positive } from './numbers.ts';

/** Training steps. */
export const trainerSettings = z
  .strictObject({
    threads: count.default(2).describe('of the trainer'),
    tokensPerRow: count.optional().describe('of a packed row; the longest sequence of a batch when left out'),
    maxTokensPerMicroBatch: count.default(2048).describe('memory against speed; the result is the same'),
    recompute: z
      .boolean()
      .default(false)
      .describe('computes each layer again in backward: the memory of one layer, for a third more time'),
    batchInvariant: z
      .boolean()
      .default(false)
      .describe(
        'gives a sequence the same bits in every batch: with one thread, those of a generator that does so too',
      ),
    betas: z.tuple([decay, decay]).default([0.9, 0.99]).describe("decay of AdamW's two moments"),
    maxGradNorm: positive.default(1).describe('larger gradients are scaled down to it'),
    weightDecay: z.number().min(0).default(0).describe('of AdamW'),
  })
  .prefault({});

/** How the trainer computes, as options of `@forge/trainer`: what every kind of training has in common. */
export function trainingOptionsOf({
  threads,
  tokensPerRow,
  maxTokensPerMicroBatch,
  recompute,
  batchInvariant,
  maxGradNorm,
}: z.infer<typeof trainerSettings>) {
  const rows = tokensPerRow === undefined ? {} : { tokensPerRow };
  return { threads, ...rows, maxTokensPerMicroBatch, recompute, batchInvariant, maxGradNorm };
}
