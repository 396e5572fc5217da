import { needsConstants } from '@forge/models';
import type { Config } from './config.ts';

/** Two settings that cannot be together. */
export interface Contradiction {
  /** The key that is refused. */
  readonly key: string;
  /** Why, naming the other. */
  readonly reason: string;
}

interface Rule extends Contradiction {
  readonly isBroken: (config: Config) => boolean;
}

const isDistilled = ({ teacher }: Config): boolean => teacher.path !== undefined && !teacher.keepRewards;

const comparesBeyondGroups = ({ grpo }: Config): boolean => grpo.advantage === 'remax' || grpo.advantage === 'rae';

const rules: readonly Rule[] = [
  {
    key: 'grpo.groupSize',
    reason:
      'one completion has nothing to be compared with; give at least 2, grpo.advantage=remax or rae, or learn from teacher.path alone',
    isBroken: (config) => config.grpo.groupSize < 2 && !comparesBeyondGroups(config) && !isDistilled(config),
  },
  {
    key: 'grpo.scaleRewards',
    reason: 'grpo.advantage=gdpo, remax and rae have a scale of their own; leave it out',
    isBroken: ({ grpo }) => ['gdpo', 'remax', 'rae'].includes(grpo.advantage) && grpo.scaleRewards !== undefined,
  },
  {
    key: 'grpo.correction',
    reason: 'grpo.oldPolicy=sampler leaves nothing to correct; leave one of them out',
    isBroken: ({ grpo }) => grpo.oldPolicy === 'sampler' && grpo.correction !== undefined && grpo.correction !== 'off',
  },
  {
    key: 'grpo.covariance.max',
    reason: 'nothing is between it and grpo.covariance.min; give more than that',
    isBroken: ({ grpo }) => grpo.covariance.max <= grpo.covariance.min,
  },
  {
    key: 'grpo.adaptiveKl.target',
    reason: 'grpo.beta is 0, so there is no KL term to adapt; give a weight to begin with',
    isBroken: ({ grpo }) => grpo.adaptiveKl.target !== undefined && grpo.beta === 0,
  },
  {
    key: 'grpo.referenceRefresh.every',
    reason: 'grpo.beta is 0, so there is no reference to refresh',
    isBroken: ({ grpo }) => grpo.referenceRefresh.every > 0 && grpo.beta === 0,
  },
  {
    key: 'grpo.miniBatches',
    reason: 'grpo.groupsPerStep is no multiple of it, so that the parts would not be equal',
    isBroken: ({ grpo }) => grpo.groupsPerStep % grpo.miniBatches !== 0,
  },
  {
    key: 'grpo.filterZeroVariance',
    reason: 'grpo.advantage=remax and rae learn from groups whose rewards are equal, too; leave it out',
    isBroken: (config) => comparesBeyondGroups(config) && config.grpo.filterZeroVariance,
  },
  {
    key: 'grpo.filterZeroVariance',
    reason: 'teacher.path is learned from without rewards; set teacher.keepRewards, or leave the filter out',
    isBroken: (config) => isDistilled(config) && config.grpo.filterZeroVariance,
  },
  {
    key: 'grpo.overSampling',
    reason:
      'groups are chosen by their rewards, which do not count with teacher.path; set teacher.keepRewards, or leave it at 1',
    isBroken: (config) => isDistilled(config) && config.grpo.overSampling > 1,
  },
  {
    key: 'teacher.keepRewards',
    reason: 'there is no teacher.path',
    isBroken: ({ teacher }) => teacher.path === undefined && teacher.keepRewards,
  },
  {
    key: 'trainer.batchInvariant',
    reason: 'trainer.threads and generator.threads must be 1, as several share out a product by its size',
    isBroken: ({ trainer, generator }) => trainer.batchInvariant && (trainer.threads > 1 || generator.threads > 1),
  },
  {
    key: 'generator.quantization',
    reason: 'trainer.batchInvariant needs the float32 weights of the trainer',
    isBroken: ({ trainer, generator }) => trainer.batchInvariant && generator.quantization !== undefined,
  },
  {
    key: 'generator.packedWeights',
    reason: 'trainer.batchInvariant needs weights in the order of the trainer',
    isBroken: ({ trainer, generator }) => trainer.batchInvariant && generator.packedWeights === true,
  },
  {
    key: 'generator.packedWeights',
    reason: 'generator.quantization=int4 and int8-blocks need them packed',
    isBroken: ({ generator }) => needsConstants(generator.quantization) && generator.packedWeights === false,
  },
];

/** What in settings that are right by themselves does not go together. */
export const contradictions = (config: Config): readonly Contradiction[] =>
  rules.filter(({ isBroken }) => isBroken(config));
