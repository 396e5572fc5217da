import { beforeDrain, recordMetric } from '@forge/observability';
import type { Completion } from './engine/completion.ts';
import type { QuantizationMismatch } from './runner/quantization-mismatch.ts';

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

/** Records, whenever metrics are handed out, the share of the time since then in which an engine had work. */
export function recordBusyShare(engine: { readonly busyMs: number }): Disposable {
  let seen = { atMs: performance.now(), busyMs: engine.busyMs };
  return beforeDrain(() => {
    const now = { atMs: performance.now(), busyMs: engine.busyMs };
    const share = (now.busyMs - seen.busyMs) / (now.atMs - seen.atMs);
    if (Number.isFinite(share)) recordMetric('generator_perf/busy_share', Math.min(1, share));
    seen = now;
  });
}

/** What an update was like. */
export interface UpdateRecord {
  /** How long its weights took to arrive. */
  readonly fetchMs: number;
  /** How long it took to prepare them, and to wait for their moment. */
  readonly applyMs: number;
  readonly mismatch: QuantizationMismatch | undefined;
}

/** Records a weight update. */
export function recordUpdate({ fetchMs, applyMs, mismatch }: UpdateRecord): void {
  recordMetric('generator/update_weights/count_weight_updates', 1, 'sum');
  recordMetric('generator_perf/update_weights/fetch_ms', fetchMs, 'mean');
  recordMetric('generator_perf/update_weights/apply_ms', applyMs, 'mean');
  if (!mismatch) return;
  recordMetric('generator/quantization/log_prob_difference_mean', mismatch.meanDifference, 'mean');
  recordMetric('generator/quantization/log_prob_difference_max', mismatch.maxDifference, 'max');
  recordMetric('generator/quantization/kl', mismatch.kl, 'mean');
}
