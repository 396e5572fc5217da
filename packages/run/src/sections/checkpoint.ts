import { z } from 'zod';
import { count } from './numbers.ts';

/** Checkpoints of the whole run. */
export const checkpointSettings = z
  .strictObject({
    /** Steps between checkpoints of the whole run; 0 writes none. */
    every: z.int().min(0).default(25),
    /** The newest that are kept. */
    keep: count.default(2),
  })
  .prefault({});
