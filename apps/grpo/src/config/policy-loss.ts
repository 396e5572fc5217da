import { count, positive, share } from '@forge/run';
import { advantageMethods, correctionModes, corrections, klEstimators, policyLossNames } from '@forge/trainer';
import { z } from 'zod';
import { oneOf } from './one-of.ts';

/** Which loss the trainer minimises, on which advantages. */
export const policyLoss = {
  loss: oneOf(policyLossNames).default('dapo').describe('a policy loss of [`@forge/trainer`](../../packages/trainer)'),
  epsilonLow: positive
    .optional()
    .describe('clip of the ratio below 1; that of the loss when left out, as the next five'),
  epsilonHigh: positive.optional().describe('clip of the ratio above 1'),
  delta: positive.optional().describe('largest ratio that counts where the advantage is negative'),
  dualClip: z.number().min(1).optional().describe('a token costs at most so many times a negative advantage'),
  tauPositive: positive.optional().describe('of `sapo`, where the advantage is positive'),
  tauNegative: positive.optional().describe('of `sapo`, where it is negative'),
  covariance: z
    .strictObject({
      share: positive
        .max(1)
        .default(2e-4)
        .describe('of the tokens of a step that `clip_cov` and `kl_cov` hold back; one at least'),
      min: z
        .number()
        .default(1)
        .describe('covariance of advantage and log-probability above which `clip_cov` leaves tokens out'),
      max: z.number().default(5).describe('and below which'),
      penalty: z.number().min(0).default(1).describe('of `kl_cov`: what a nat from the old policy costs'),
    })
    .prefault({}),
  advantage: oneOf([...advantageMethods, 'gdpo', 'remax', 'rae'])
    .default('grpo')
    .describe(
      'how rewards become advantages; `gdpo` brings each reward function to one scale before they are added, `remax` compares with the greedy completion of the prompt, `rae` with a moving average of its environment or source',
    ),
  scaleRewards: z
    .enum(['group', 'batch', 'none'])
    .optional()
    .describe(
      'advantages divided by the deviation of the `group`, of the `batch`, or not; that of `grpo.advantage` when left out',
    ),
  correction: z
    .union([
      oneOf(['off', ...(Object.keys(corrections) as (keyof typeof corrections)[])]), // the keys of a closed table
      z.strictObject({
        mode: oneOf(correctionModes),
        min: z.number().min(0).optional(),
        max: positive.optional(),
        geometricMin: z.number().min(0).optional(),
        geometricMax: positive.optional(),
      }),
    ])
    .optional()
    .describe(
      'importance weights for what sampler and trainer disagree about: `tis`, `mis`, `icepop`, `geometric`, `{ mode, min, max }` or `off`; those of the loss when left out',
    ),
  offPolicyMask: z
    .number()
    .optional()
    .describe('leaves out failures that the sampler found likelier than the policy does by so many nats a token'),
  oldPolicy: z
    .enum(['sampler', 'current'])
    .optional()
    .describe(
      'what ratios are taken to: who sampled, or the policy before the first step on the batch; the latter with a correction',
    ),
  entropyBonus: z.number().default(0).describe('times the entropy of the tokens is taken from the loss'),
  epochsPerBatch: count.default(1).describe('times that a batch is trained on before the weights are published'),
  miniBatches: count.default(1).describe('optimiser steps of each of those times, on equal numbers of groups'),
  maxApproxKl: positive
    .optional()
    .describe('nats a token from the old policy beyond which no more steps are taken on a batch'),
};

/** How near the policy stays to the model that it began with. */
export const klTerm = {
  beta: z
    .number()
    .min(0)
    .default(0.001)
    .describe('weight of the KL divergence from the model that GRPO began with; 0 runs no reference model'),
  klIn: z
    .enum(['loss', 'reward'])
    .default('loss')
    .describe('where it goes: a term of the `loss`, or a cost taken from the `reward` of each token'),
  klEstimator: oneOf(Object.keys(klEstimators) as (keyof typeof klEstimators)[]) // the keys of a closed table
    .optional()
    .describe('`k3` in the loss and `k1` in the reward when left out'),
  adaptiveKl: z
    .strictObject({
      target: positive
        .optional()
        .describe('nats a token that the policy is to be from the reference; `grpo.beta` is where the weight begins'),
      horizon: positive.default(10_000).describe('completions over which the weight follows'),
    })
    .prefault({}),
  referenceRefresh: z
    .strictObject({
      every: z
        .int()
        .min(0)
        .default(0)
        .describe('steps after which the reference takes weights of the policy; 0 for never'),
      share: share.default(0.6).describe('of the new weights in it; the rest stays as it was'),
    })
    .prefault({}),
  klTimesRatio: z.boolean().default(false).describe('multiplies the KL term by the ratio: unbiased off policy'),
};
