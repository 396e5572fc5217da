import { count } from '@forge/run';
import { z } from 'zod';

/** What a completion is worth. */
export const reward = z
  .strictObject({
    functions: z
      .array(z.enum(['math', 'thinking']))
      .min(1)
      .default(['math', 'thinking'])
      .describe('their mean is the reward'),
    replicas: count.default(1).describe('processes that score'),
    shuffle: z
      .boolean()
      .default(false)
      .describe('deals the rewards of a group out at random: a control that must not learn'),
  })
  .prefault({});
