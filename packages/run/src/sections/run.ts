import { z } from 'zod';

/** Where a run is written, and its seed. */
export const runSettings = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\w.-]+$/, 'must be made of letters, digits, ".", "_" and "-"')
      .optional()
      .describe('folder of the run below `run.folder`; a time stamp when left out. A name used before is refused'),
    folder: z.string().min(1).default('runs').describe('where runs are written'),
    seed: z.int().min(0).default(1).describe('of model, problems, order and sampling'),
    resume: z
      .enum(['none', 'latest'])
      .default('none')
      .describe(
        '`latest` goes on from the newest checkpoint of the run, of the newest run without a name, or begins it',
      ),
  })
  .prefault({});
