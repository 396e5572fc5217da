import { z } from 'zod';
import { count } from './numbers.ts';

/** The problems that it learns from. */
export const datasetSettings = z
  .strictObject({
    path: z
      .string()
      .min(1)
      .optional()
      .describe('a file of GSM8K records; word problems are made when left out, by `dataset.embedded`'),
    heldOut: count.default(256).describe('problems kept for evaluation, from the end of the file, at most half of it'),
    heldOutPath: z.string().min(1).optional().describe('a file of its own for them'),
    embedded: z
      .strictObject({
        problems: count.default(20_000).describe('word problems to train on'),
        digits: z.int().min(1).max(6).default(2).describe('of the numbers in a question'),
      })
      .prefault({}),
  })
  .prefault({});
