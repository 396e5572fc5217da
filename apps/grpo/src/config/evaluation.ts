import { z } from 'zod';
import { count } from './numbers.ts';

/** How the held-out problems are asked. */
export const evaluation = z
  .strictObject({
    /** Steps between evaluations on the held-out problems. */
    every: count.default(5),
    problems: count.default(256),
  })
  .prefault({});
