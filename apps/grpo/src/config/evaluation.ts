import { count } from '@forge/run';
import { z } from 'zod';

/** How the held-out problems are asked. */
export const evaluation = z
  .strictObject({
    every: count.default(5).describe('GRPO steps between evaluations'),
    problems: count.default(256).describe('held-out problems asked in one'),
  })
  .prefault({});
