import { grpoBatch } from '@forge/trainer';
import type { Pacing } from '../pacing.ts';
import type { Parts } from '../parts.ts';
import type { Run } from '../run.ts';
import { batchMetrics, mean } from './batch-metrics.ts';
import { completionLines } from './completion-lines.ts';
import { trainedEpisodes } from './trained-episodes.ts';

/** Where the loop begins: steps that were taken before, and the version of the weights before the first. */
export interface Begun {
  readonly done: number;
  readonly firstVersion: number;
}

/** Loop 2: full batches from the replay buffer to new weights in every generator. */
export async function training(run: Run, pacing: Pacing, { done, firstVersion }: Begun): Promise<void> {
  const { config, parts, log, progress, weights, signal } = run;
  const { steps, stopAccuracy, maxPolicyAge } = config.grpo;
  progress.start('grpo', steps, done);
  for (let step = done + 1; step <= steps; step++) {
    const startedMs = performance.now();
    const groups = await nextBatch(parts, pacing, weights.version, signal);
    const waitedMs = performance.now() - startedMs;
    const episodes = trainedEpisodes(groups, config);
    const { inputs, targets } = grpoBatch(episodes);
    const result = await parts.trainer.trainBatch.callOne(inputs, targets);
    const age = mean(groups.map(({ policyVersion }) => weights.version - policyVersion));
    const trainedVersion = weights.version;
    await weights.publish();
    // In turn means: nothing is sampled until all of this step is done and counted.
    if (maxPolicyAge > 0) pacing.advance(weights.version - firstVersion);
    const isEvaluated = step % config.evaluation.every === 0 || step === steps;
    const evaluation = isEvaluated ? await run.evaluate() : undefined;
    const seconds = (performance.now() - startedMs) / 1000;
    const metrics = {
      ...batchMetrics(groups),
      loss: result.loss,
      gradNorm: result.gradNorm,
      learningRate: result.learningRate,
      policyAge: age,
      policyVersion: trainedVersion,
      tokensPerSecond: result.tokens / seconds,
      'perf/waitForBatchSeconds': waitedMs / 1000,
      ...result.metrics,
      ...(evaluation && { 'eval/accuracy': evaluation.accuracy, 'eval/reward': evaluation.reward }),
    };
    await log.step('grpo', metrics);
    log.completions(completionLines(groups, episodes));
    progress.update(step, {
      reward: metrics['reward/mean'].toFixed(3),
      'held-out accuracy': log.accuracy?.toFixed(3),
      age: age.toFixed(1),
      'tokens/s': metrics.tokensPerSecond.toFixed(0),
    });
    if (evaluation && evaluation.accuracy >= stopAccuracy) break;
    if (step < steps) await run.checkpoints.offer({ phase: 'grpo', step, firstVersion }, pacing);
    if (maxPolicyAge === 0) pacing.advance(weights.version - firstVersion);
  }
}

async function nextBatch({ buffer }: Parts, pacing: Pacing, version: number, signal: AbortSignal) {
  for (;;) {
    // Asked for before the buffer is, so that a group which arrives in between is not missed.
    const changed = pacing.changed(signal);
    changed.catch(() => undefined);
    const batch = await buffer.sample.callOne(version);
    pacing.evictedSoFar((await buffer.counts.callOne()).evicted);
    if (batch !== undefined) return batch;
    await changed;
  }
}
