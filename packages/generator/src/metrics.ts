import { recordMetric } from '@forge/observability';
import type { Completion } from './engine/completion.ts';

/** Records a finished request under TorchForge's names. Source: TorchForge `forge/actors/generator.py`. */
export function recordRequest(completions: readonly Completion[]): void {
  recordMetric('generator/generate/count_requests', 1, 'sum');
  for (const { tokenIds, finishReason, timing } of completions) {
    recordMetric('generator/generate/count_sequences_completed', 1, 'sum');
    recordMetric('generator/generate/sum_tokens_generated', tokenIds.length, 'sum');
    recordMetric('generator/generate/avg_tokens_generated', tokenIds.length, 'mean');
    recordMetric('generator/generate/truncated_ratio', finishReason === 'length' ? 1 : 0, 'mean');
    recordMetric('generator_perf/generate/queued_ms', timing.queuedMs, 'mean');
    recordMetric('generator_perf/generate/first_token_ms', timing.firstTokenMs, 'mean');
    recordMetric('generator_perf/generate/total_ms', timing.totalMs, 'mean');
  }
}

/** Records a weight update: how long its weights took to arrive, and how long it waited for its moment. */
export function recordUpdate(fetchedMs: number, appliedMs: number): void {
  recordMetric('generator/update_weights/count_weight_updates', 1, 'sum');
  recordMetric('generator_perf/update_weights/fetch_ms', fetchedMs, 'mean');
  recordMetric('generator_perf/update_weights/apply_ms', appliedMs, 'mean');
}
