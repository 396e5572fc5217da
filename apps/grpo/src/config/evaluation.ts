import { count } from '@forge/run';
import { z } from 'zod';

/** How the held-out problems are asked. */
export const evaluation = z
  .strictObject({
    /** Steps between evaluations on the held-out problems. */
    every: count.default(5),
    problems: count.default(256),
  })
  .prefault({});
