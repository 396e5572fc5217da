import { share } from '@forge/run';
import { z } from 'zod';

/** Which tasks are asked again, by how often they were solved. */
export const curriculum = z
  .strictObject({
    easyFrom: share.default(1).describe('share of right answers from which a task counts as easy'),
    hardUpTo: share.default(0).describe('share of right answers up to which it counts as hard'),
    easyShare: share
      .default(1)
      .describe('of easy tasks that are asked when their turn comes; the others are passed over'),
    hardShare: share.default(1).describe('of hard tasks that are asked'),
    memory: share.default(0.5).describe('how much of what is known of a task remains when it is asked again'),
  })
  .prefault({});
