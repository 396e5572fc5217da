import { expect, test } from 'vitest';
import { configSchema } from '../src/config/config.ts';

const teacher = { path: 'teacher' };

test.each([
  [{ grpo: { groupSize: 1 } }, 'grpo.groupSize', 'teacher.path'],
  [{ grpo: { advantage: 'gdpo', scaleRewards: 'group' } }, 'grpo.scaleRewards', 'grpo.advantage'],
  [{ grpo: { advantage: 'rae', scaleRewards: 'batch' } }, 'grpo.scaleRewards', 'grpo.advantage'],
  [{ grpo: { advantage: 'remax', filterZeroVariance: true } }, 'grpo.filterZeroVariance', 'grpo.advantage'],
  [{ grpo: { covariance: { max: 0.5 } } }, 'grpo.covariance.max', 'grpo.covariance.min'],
  [{ grpo: { oldPolicy: 'sampler', correction: 'tis' } }, 'grpo.correction', 'grpo.oldPolicy'],
  [{ grpo: { beta: 0, adaptiveKl: { target: 0.1 } } }, 'grpo.adaptiveKl.target', 'grpo.beta'],
  [{ grpo: { beta: 0, referenceRefresh: { every: 5 } } }, 'grpo.referenceRefresh.every', 'grpo.beta'],
  [{ grpo: { groupsPerStep: 8, miniBatches: 3 } }, 'grpo.miniBatches', 'grpo.groupsPerStep'],
  [{ grpo: { filterZeroVariance: true }, teacher }, 'grpo.filterZeroVariance', 'teacher.keepRewards'],
  [{ grpo: { overSampling: 2 }, teacher }, 'grpo.overSampling', 'teacher.keepRewards'],
  [{ teacher: { keepRewards: true } }, 'teacher.keepRewards', 'teacher.path'],
  [{ trainer: { batchInvariant: true } }, 'trainer.batchInvariant', 'trainer.threads'],
  [
    { trainer: { batchInvariant: true, threads: 1 }, generator: { quantization: 'int8' } },
    'generator.quantization',
    'trainer.batchInvariant',
  ],
  [
    { trainer: { batchInvariant: true, threads: 1 }, generator: { packedWeights: true } },
    'generator.packedWeights',
    'trainer.batchInvariant',
  ],
  [{ generator: { quantization: 'int4', packedWeights: false } }, 'generator.packedWeights', 'generator.quantization'],
  [
    { generator: { quantization: 'int8-blocks', packedWeights: false } },
    'generator.packedWeights',
    'generator.quantization',
  ],
])('%j is refused: %s against %s', (settings, key, other) => {
  const { error } = configSchema.safeParse(settings);
  expect(error?.issues.map(({ path }) => path.join('.'))).toEqual([key]);
  expect(error?.issues[0]?.message).toContain(other);
});

test('settings that go together are not', () => {
  for (const settings of [
    {},
    { grpo: { groupSize: 1 }, teacher },
    { grpo: { groupSize: 1, advantage: 'remax' } },
    { grpo: { loss: 'clip_cov', covariance: { min: 0, max: 0.5 } } },
    { grpo: { filterZeroVariance: true, overSampling: 1.5 }, teacher: { ...teacher, keepRewards: true } },
    { grpo: { correction: 'tis', epochsPerBatch: 2, miniBatches: 4 } },
    { trainer: { batchInvariant: true, threads: 1 } },
  ]) {
    expect(configSchema.safeParse(settings).success, JSON.stringify(settings)).toBe(true);
  }
});
