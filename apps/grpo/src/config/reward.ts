import { count } from '@forge/run';
import { z } from 'zod';

/** What a completion is worth. */
export const reward = z
  .strictObject({
    /** Their mean is the reward. */
    functions: z
      .array(z.enum(['math', 'thinking']))
      .min(1)
      .default(['math', 'thinking']),
    replicas: count.default(1),
    /** Deals the rewards of a group out at random: a control that must not learn. */
    shuffle: z.boolean().default(false),
  })
  .prefault({});
