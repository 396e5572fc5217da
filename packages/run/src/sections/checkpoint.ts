import { z } from 'zod';
import { count } from './numbers.ts';

/** Checkpoints of the whole run. */
export const checkpointSettings = z
  .strictObject({
    every: z.int().min(0).default(25).describe('steps between checkpoints of the whole run; 0 writes none'),
    keep: count.default(2).describe('the newest that are kept'),
  })
  .prefault({});
