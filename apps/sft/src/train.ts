import path from 'node:path';
import { openDataset } from '@forge/data';
import { loadConfig } from '@forge/models';
import { duration, type RunLog } from '@forge/run';
import { restoreRun, saveRun } from './checkpoints.ts';
import { evaluate } from './evaluate.ts';
import { examplesOf, stepsOf } from './examples.ts';
import { type Run, startParts } from './parts.ts';

/** Trains to the last step. Rejects with the first failure, or with the signal's reason. */
export async function train(run: Run): Promise<void> {
  const { config, source, log, progress, signal, resumed } = run;
  const { sft, evaluation, checkpoint } = config;
  progress.note(`Run folder: ${log.folder}`);
  for (const line of source.lines) progress.note(line);
  const { maxPositionEmbeddings } = await loadConfig(source.modelFolder);
  const options = { ...sft, maxTokens: Math.min(sft.maxTokens ?? Infinity, maxPositionEmbeddings) };
  const { at, sources } = await openDataset(source.dataset);
  const examples = async (step: number) => {
    const numbers = Array.from({ length: sft.batchSize }, (_, i) => (step - 1) * sft.batchSize + i);
    return examplesOf(await Promise.all(numbers.map(at)), source.tokenizer, options);
  };
  const tasks = source.heldOut.slice(0, evaluation.problems);
  const heldOut = { tasks, ...examplesOf(tasks, source.tokenizer, options) };
  const epoch = sources.reduce((sum, { size = Infinity }) => sum + size, 0);
  const steps = stepsOf(epoch, sft);
  const parts = await startParts(run, steps);
  await using _generator = parts.answering?.generator;
  await using _environments = parts.answering?.environments;
  await log.observe(async () => [await parts.trainer.drainMetrics.callOne()]);

  const done = resumed?.step ?? 0;
  if (resumed !== undefined) await restoreRun(resumed, parts);
  else await log.beforeSteps('sft', { ...(await evaluate(heldOut, parts, config)) });
  progress.start('sft', steps, done);
  let next = await examples(done + 1);
  for (let step = done + 1; step <= steps; step++) {
    signal.throwIfAborted();
    const startedMs = performance.now();
    const { sequences, cut } = next;
    const training = parts.trainer.trainStep.callOne(sequences, {
      loss: 'sft',
      masks: sequences.map(({ mask }) => mask),
    });
    const after = step < steps ? examples(step + 1) : undefined; // while the trainer computes
    const [result] = await Promise.all([training, after]);
    next = (await after) ?? next;
    const seconds = (performance.now() - startedMs) / 1000;
    const isEvaluated = step % evaluation.every === 0 || step === steps;
    const measured = isEvaluated ? await evaluate(heldOut, parts, config) : undefined;
    await log.step('sft', {
      loss: result.loss,
      gradNorm: result.gradNorm,
      learningRate: result.learningRate,
      tokensPerSecond: result.tokens / seconds,
      ...(Number.isFinite(epoch) && { epoch: (step * sft.batchSize) / epoch }),
      'examples/cut': cut,
      ...result.metrics,
      ...measured,
    });
    progress.update(
      step,
      {
        loss: result.loss.toFixed(3),
        'held-out loss': measured?.['eval/loss'].toFixed(3),
        'held-out accuracy': log.accuracy?.toFixed(3),
        'tokens/s': (result.tokens / seconds).toFixed(0),
      },
      { loss: result.loss, 'held-out accuracy': measured?.['eval/accuracy'] },
    );
    const isDue = checkpoint.every > 0 && step % checkpoint.every === 0;
    if (isDue && step < steps) await saveRun(run, parts, step);
  }
  await parts.trainer.saveWeights.callOne(path.join(log.folder, 'trained'));
  if (config.model.lora.rank > 0) await parts.trainer.saveAdapters.callOne(path.join(log.folder, 'adapters'));
}

/** The line a run ends with. */
export function describeEnd(log: RunLog): string {
  const [before, after] = [log.accuracyBefore('sft'), log.accuracy];
  const learned =
    before === undefined || after === undefined ? '' : `Held-out accuracy ${before.toFixed(3)} → ${after.toFixed(3)}, `;
  return `${learned}${log.steps('sft')} steps, ${duration(log.seconds)}. See ${log.folder}`;
}
