import { positive } from '@forge/run';
import { z } from 'zod';

/** On-policy distillation. */
export const teacher = z
  .strictObject({
    path: z
      .string()
      .min(1)
      .optional()
      .describe(
        'a Hugging Face folder or a name on its hub: every sampled token is drawn towards what this model thinks of it',
      ),
    weight: positive
      .default(1)
      .describe("of the teacher's log-probability minus the policy's, in the advantage of a token"),
    keepRewards: z
      .boolean()
      .default(false)
      .describe('adds the advantages of the rewards, which are only measured otherwise'),
  })
  .prefault({});
