import { count, positive, share } from '@forge/run';
import { z } from 'zod';

/** Reinforcement learning: how much, how fast, by which loss. */
export const grpo = z
  .strictObject({
    steps: count.default(300),
    /** Held-out accuracy at which the run ends early. */
    stopAccuracy: share.default(0.95),
    groupsPerStep: count.default(32),
    /** Completions of one prompt. */
    groupSize: z.int().min(2).default(8),
    /**
     * Weight versions that samples may lag behind. 0 samples and trains in turn, and then a run repeats to the last
     * bit what another of its seed did, as long as the generator has one thread.
     */
    maxPolicyAge: z.int().min(0).default(1),
    learningRate: positive.default(2e-4),
    warmupSteps: z.int().min(0).default(5),
    /** How the learning rate goes from there, down to 0 at `steps` unless it is constant. */
    schedule: z.enum(['constant', 'linear', 'cosine']).default('cosine'),
    epsilonLow: positive.default(0.2),
    epsilonHigh: positive.default(0.28),
    /** Weight of the KL divergence from the reference model. 0 runs without one. */
    beta: z.number().min(0).default(0.001),
    /** Where it goes: a term of the loss, or a cost that is taken from the reward of each token. */
    klIn: z.enum(['loss', 'reward']).default('loss'),
    scaleRewards: z.enum(['group', 'batch', 'none']).default('group'),
  })
  .prefault({});
