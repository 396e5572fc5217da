import { z } from 'zod';

/** Where a run is written, and its seed. */
export const runSettings = z
  .strictObject({
    /** The folder of the run below `folder`; a time stamp when left out. */
    name: z
      .string()
      .regex(/^[\w.-]+$/, 'must be made of letters, digits, ".", "_" and "-"')
      .optional(),
    folder: z.string().min(1).default('runs'),
    seed: z.int().min(0).default(1),
    /**
     * `latest` goes on from the newest checkpoint of the run, of the newest run when it is not named; where there is
     * none it begins.
     */
    resume: z.enum(['none', 'latest']).default('none'),
  })
  .prefault({});
