import { count, positive, share } from '@forge/run';
import { z } from 'zod';
import { klTerm, policyLoss } from './policy-loss.ts';
import { selection } from './selection.ts';

/** Reinforcement learning: how much, how fast, by which loss. */
export const grpo = z
  .strictObject({
    steps: count.default(500).describe('GRPO steps at most'),
    stopAccuracy: share.default(0.95).describe('held-out accuracy at which the run ends'),
    groupsPerStep: count.default(32).describe('groups, that is prompts, of one step'),
    groupSize: count.default(8).describe('completions of one prompt'),
    maxPolicyAge: z
      .int()
      .min(0)
      .default(1)
      .describe('weight versions that samples may lag behind; 0 samples and trains in turn, and repeats bit for bit'),
    learningRate: positive.default(2e-4).describe('of the optimiser'),
    warmupSteps: z.int().min(0).default(5).describe('steps over which it rises, from 0'),
    schedule: z
      .enum(['constant', 'linear', 'cosine'])
      .default('cosine')
      .describe('how it goes from there: `cosine` and `linear` fall to 0 at `grpo.steps`, `constant` stays'),
    ...policyLoss,
    ...klTerm,
    ...selection,
  })
  .prefault({});
