import { count } from '@forge/run';
import { z } from 'zod';

/** What a run tells about itself. */
export const diagnostics = z
  .strictObject({
    stallSeconds: count
      .default(60)
      .describe(
        'without a batch, after which a run says why none forms, and again as often; without a sign of life of a process that an evaluation waits for, after which it is named',
      ),
    printCompletions: z
      .int()
      .min(0)
      .default(0)
      .describe('completions of each step that are printed: so many of the best, and of the worst'),
  })
  .prefault({});
