import { count } from '@forge/run';
import { z } from 'zod';

/** Which of the samples are trained on. */
export const selection = {
  filterZeroVariance: z
    .boolean()
    .default(false)
    .describe('groups whose rewards are all equal are replaced by others before a batch is formed'),
  maxReplacements: count
    .default(10)
    .describe("batches' worth of groups that are replaced for one batch, at most; then the run ends and says why"),
  overSampling: z
    .number()
    .min(1)
    .default(1)
    .describe('groups sampled for each that is trained on; those whose rewards vary most are chosen'),
  truncated: z
    .enum(['train', 'mask', 'zeroAdvantage', 'dropGroup'])
    .default('train')
    .describe(
      'what becomes of completions that the token limit ended: trained on as others, left out of the loss, given the advantage 0, or rejected with their group',
    ),
  maskStaleTokens: z
    .boolean()
    .default(false)
    .describe(
      'of a completion that saw an update of the weights, only tokens of its newest weights take part in the loss',
    ),
};
