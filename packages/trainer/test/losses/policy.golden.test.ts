import { describe, expect, test } from 'vitest';
import type { Correction, CorrectionMode } from '../../src/losses/correction.ts';
import { policyLoss } from '../../src/losses/policy.ts';
import type { PolicyMetrics } from '../../src/losses/policy-metrics.ts';
import type { PolicyLossName } from '../../src/losses/variants.ts';
import { readGolden } from '../golden-file.ts';

type Grid = readonly (readonly number[])[];

interface Case {
  readonly batch: number;
  readonly name: PolicyLossName;
  readonly epsilon_low: number;
  readonly epsilon_high: number;
  readonly delta: number | null;
  readonly beta: number;
  readonly kl_times_ratio: boolean;
  readonly correction: {
    readonly mode: CorrectionMode;
    readonly min: number | null;
    readonly max: number | null;
  } | null;
  readonly use_old_logprobs: boolean;
  readonly max_completion_length: number;
  readonly num_items_in_batch: number;
  readonly loss: number;
  readonly grad: Grid;
  readonly metrics: Readonly<Record<string, number>>;
}

const { batches, policy_loss: cases } = readGolden<{
  readonly batches: readonly {
    readonly logprobs: Grid;
    readonly old_logprobs: Grid;
    readonly sampler_logprobs: Grid;
    readonly ref_logprobs: Grid;
    readonly advantages: readonly number[];
    readonly mask: Grid;
  }[];
  readonly policy_loss: readonly Case[];
}>('losses.json');

/** TRL's metric names and ours. */
const metricNames: Readonly<Record<string, keyof PolicyMetrics>> = {
  kl: 'kl',
  clip_low_mean: 'clip_ratio/low_mean',
  clip_high_mean: 'clip_ratio/high_mean',
  clip_region_mean: 'clip_ratio/region_mean',
  cispo_clip_ratio: 'clip_ratio/high_mean',
};

const correctionOf = ({ correction }: Case): { correction?: Correction } =>
  correction === null
    ? {}
    : {
        correction: {
          mode: correction.mode,
          ...(correction.min !== null && { min: correction.min }),
          ...(correction.max !== null && { max: correction.max }),
        },
      };

function run(golden: Case) {
  const batch = batches[golden.batch]!;
  return policyLoss(
    {
      logProbs: batch.logprobs,
      ...(golden.use_old_logprobs && { oldLogProbs: batch.old_logprobs }),
      samplerLogProbs: batch.sampler_logprobs,
      refLogProbs: batch.ref_logprobs,
      advantages: batch.advantages,
      masks: batch.mask,
      counts: { sequences: batch.logprobs.length, tokens: golden.num_items_in_batch },
    },
    {
      name: golden.name,
      epsilonLow: golden.epsilon_low,
      epsilonHigh: golden.epsilon_high,
      ...(golden.delta !== null && { delta: golden.delta }),
      beta: golden.beta,
      klTimesRatio: golden.kl_times_ratio,
      maxCompletionLength: golden.max_completion_length,
      ...correctionOf(golden),
    },
  );
}

describe.each(['grpo', 'bnpo', 'dr_grpo', 'dapo', 'gspo', 'cispo'] as const)('%s', (name) => {
  const own = cases.filter((golden) => golden.name === name);

  test(`has TRL's loss, gradient and metrics in every recorded setting`, () => {
    expect(own.length).toBeGreaterThan(50);
    for (const golden of own) {
      const { loss, weights, metrics } = run(golden);
      const label = JSON.stringify({ ...golden, grad: undefined });
      expect(Math.abs(loss - golden.loss), `loss of ${label}`).toBeLessThan(1e-6);
      for (const [b, row] of golden.grad.entries()) {
        for (const [t, gradient] of row.entries()) {
          expect(Math.abs(weights[b]![t]! - gradient), `gradient ${b},${t} of ${label}`).toBeLessThan(1e-6);
        }
      }
      for (const [theirs, value] of Object.entries(golden.metrics)) {
        const ours = metrics[metricNames[theirs]!]!;
        expect(Math.abs(ours - value), `${theirs} of ${label}`).toBeLessThan(1e-6);
      }
    }
  });
});
