import { recordMetric } from '@forge/observability';
import type { StepResult } from './step-batch.ts';

/** Records what a step did, under the names of torchforge. */
export function recordStep({ loss, gradNorm, learningRate, tokens }: StepResult, durationMs: number): void {
  recordMetric('rl_trainer_perf/step/total_duration_ms', durationMs);
  recordMetric('rl_trainer/loss', loss);
  recordMetric('rl_trainer/grad_norm', gradNorm);
  recordMetric('rl_trainer/learning_rate', learningRate, 'min');
  recordMetric('rl_trainer/tokens', tokens, 'sum');
}
