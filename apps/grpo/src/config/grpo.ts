import { count, positive, share } from '@forge/run';
import { z } from 'zod';

/** Reinforcement learning: how much, how fast, by which loss. */
export const grpo = z
  .strictObject({
    steps: count.default(300).describe('GRPO steps at most'),
    stopAccuracy: share.default(0.95).describe('held-out accuracy at which the run ends'),
    groupsPerStep: count.default(32).describe('groups, that is prompts, of one step'),
    groupSize: z.int().min(2).default(8).describe('completions of one prompt'),
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
    epsilonLow: positive.default(0.2).describe('clip of the ratio below 1'),
    epsilonHigh: positive.default(0.28).describe('clip of the ratio above 1'),
    beta: z
      .number()
      .min(0)
      .default(0.001)
      .describe('weight of the KL divergence from the model that GRPO began with; 0 runs no reference model'),
    klIn: z
      .enum(['loss', 'reward'])
      .default('loss')
      .describe('where it goes: a term of the `loss`, or a cost taken from the `reward` of each token'),
    scaleRewards: z
      .enum(['group', 'batch', 'none'])
      .default('group')
      .describe('advantages divided by the deviation of the `group`, of the `batch`, or not (`none`)'),
  })
  .prefault({});
