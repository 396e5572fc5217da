import { openDataset } from '@forge/data';
import { demonstratedSequence } from '@forge/run';
import { Random } from '@forge/tensor';
import type { Run } from './run.ts';

/** Steps in which the learning rate rises to its value. */
const RISING_STEPS = 20;
/** Of the learning rate, once a quarter of the aim is reached. */
const CLOSE_SHARE = 0.3;

/**
 * Supervised steps on worked solutions, until the held-out accuracy is where reinforcement learning has something to
 * work with: below it most groups fail as a whole, above it most succeed, and neither teaches anything.
 *
 * @param done - steps that were taken before.
 */
export async function warmUp(run: Run, done = 0): Promise<void> {
  const { config, parts, source, log, progress, signal } = run;
  const { maxSteps, batchSize, learningRate, evaluateEvery, stopAccuracy } = config.warmup;
  if (maxSteps === 0) return;
  // Another order than that in which GRPO asks for them.
  const seed = new Random(config.run.seed).split('warm-up').integer(2 ** 31);
  const tasks = await openDataset({ ...source.dataset, seed });
  progress.start('warm-up', maxSteps, done);
  for (let step = done + 1; step <= maxSteps; step++) {
    signal.throwIfAborted();
    const startedMs = performance.now();
    const batch = Array.from({ length: batchSize }, (_, i) => tasks.at((step - 1) * batchSize + i));
    const inputs = (await Promise.all(batch)).map((task) => demonstratedSequence(source.tokenizer, task));
    // Close to its end the warm-up takes smaller steps: the accuracy would rise past the aim between two evaluations, and
    // a model that is stopped in large steps samples much worse than it knows.
    const isClose = (log.accuracy ?? 0) >= stopAccuracy / 4;
    const rate = learningRate * Math.min(1, step / RISING_STEPS) * (isClose ? CLOSE_SHARE : 1);
    const result = await parts.trainer.trainStep.callOne(inputs, {
      loss: 'sft',
      masks: inputs.map(({ mask }) => mask),
      learningRate: rate,
    });
    const seconds = (performance.now() - startedMs) / 1000;
    const isEvaluated = step % (isClose ? 1 : evaluateEvery) === 0 || step === maxSteps;
    if (isEvaluated) await run.watched('Sending weights', run.weights.publish());
    const evaluation = isEvaluated ? await run.evaluate('greedy') : undefined;
    await log.step('warmup', {
      loss: result.loss,
      gradNorm: result.gradNorm,
      learningRate: result.learningRate,
      tokensPerSecond: result.tokens / seconds,
      ...evaluation?.metrics,
    });
    const shown = {
      loss: result.loss.toFixed(3),
      'held-out accuracy': log.accuracy?.toFixed(3),
      'tokens/s': (result.tokens / seconds).toFixed(0),
    };
    progress.update(step, shown, { loss: result.loss, 'held-out accuracy': evaluation?.accuracy });
    if (evaluation && evaluation.accuracy >= stopAccuracy) break;
    if (step < maxSteps) await run.checkpoints.offer({ phase: 'warmup', step });
  }
}
