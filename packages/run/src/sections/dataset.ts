import { z } from 'zod';
import { count } from './numbers.ts';

/** The problems that it learns from. */
export const datasetSettings = z
  .strictObject({
    /** A file of GSM8K records. When left out, word problems are made from `embedded`. */
    path: z.string().min(1).optional(),
    /** Problems kept for evaluation; taken from the end of the file unless `heldOutPath` names another. */
    heldOut: count.default(256),
    heldOutPath: z.string().min(1).optional(),
    embedded: z
      .strictObject({
        problems: count.default(20_000),
        /** Digits of the numbers in a question. */
        digits: z.int().min(1).max(6).default(2),
      })
      .prefault({}),
  })
  .prefault({});
