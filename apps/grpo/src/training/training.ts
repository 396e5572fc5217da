import { grpoBatch } from '@forge/trainer';
import type { GrpoPlace } from '../checkpoints/checkpoints.ts';
import { Diagnosis } from '../diagnostics/diagnosis.ts';
import { refreshReference } from '../frozen/references.ts';
import type { Loops } from '../loops.ts';
import type { Run } from '../run.ts';
import { batchMetrics, mean } from './batch-metrics.ts';
import { completionLines } from './completion-lines.ts';
import { nextBatch } from './next-batch.ts';
import { nextBeta } from './next-beta.ts';
import { shownCompletions } from './shown-completions.ts';
import { StepClock } from './step-clock.ts';
import { stepMetrics } from './step-metrics.ts';
import { trainedEpisodes } from './trained-episodes.ts';
import { unlessRejected } from './unless-rejected.ts';

/** Loop 2: full batches from the replay buffer to new weights in every generator. */
export async function training(run: Run, loops: Loops, begun: GrpoPlace): Promise<void> {
  const { config, parts, log, progress, weights, signal } = run;
  const { grpo } = config;
  const { steps } = grpo;
  const { pacing, curriculum } = loops;
  const clock = new StepClock();
  const diagnosis = new Diagnosis(run, loops, begun.watch);
  let { beta, reference, roleBaselines } = begun;
  /** Of the weights that were sent last. */
  let inUse = Promise.resolve();
  progress.start('grpo', steps, begun.step);
  for (let step = begun.step + 1; step <= steps; step++) {
    clock.lap('record'); // of the step before
    const startedMs = performance.now();
    const trainedVersion = weights.version;
    const next = nextBatch(parts, loops, { version: trainedVersion, grpo, signal });
    // Where generators cannot use weights no group is begun any more, so that there may never be a batch.
    const batch = await diagnosis.waitForBatch(unlessRejected(next, inUse));
    clock.lap('waitForBatch');
    curriculum.count([...batch.groups, ...batch.rejected]);
    const trained = trainedEpisodes(batch.groups, config, roleBaselines);
    const { episodes } = trained;
    const { inputs, targets } = grpoBatch(episodes);
    const result = await parts.trainer.trainBatch.callOne(inputs, { ...targets, beta });
    clock.lap('train');
    await diagnosis.waitForPublish(inUse);
    inUse = (await weights.push()).inUse;
    // In turn means: nothing is sampled until all of this step is done and counted.
    if (grpo.maxPolicyAge > 0) inUse = inUse.then(() => pacing.advance());
    inUse.catch(() => undefined); // told when it is waited for
    const isEvaluated = step % config.evaluation.every === 0 || step === steps;
    // Otherwise the trainer need not wait for the generators.
    if (grpo.maxPolicyAge === 0 || isEvaluated) await diagnosis.waitForPublish(inUse);
    clock.lap('publish');
    const evaluation = isEvaluated ? await run.evaluate() : undefined;
    clock.lap('evaluate');
    const metrics = {
      ...batchMetrics(batch),
      loss: result.loss,
      gradNorm: result.gradNorm,
      learningRate: result.learningRate,
      policyAge: mean(batch.groups.map(({ policyVersion }) => trainedVersion - policyVersion)),
      policyVersion: trainedVersion,
      tokensPerSecond: (result.tokens / (performance.now() - startedMs)) * 1000,
      ...curriculum.takeMetrics(),
      'rl_trainer_perf/busy_share': clock.shareOf('train'),
      ...clock.take(),
      ...(grpo.adaptiveKl.target !== undefined && { beta }),
      ...stepMetrics(result),
      ...evaluation?.metrics,
    };
    if (evaluation) await run.best.offer(evaluation.accuracy);
    diagnosis.check(await diagnosis.waitForMetrics(log.step('grpo', metrics)));
    log.completions(completionLines(batch, episodes));
    for (const line of shownCompletions(episodes, config.diagnostics.printCompletions)) progress.note(line);
    const { buffered, inFlight } = pacing.queue;
    const shown = {
      reward: metrics['reward/mean'].toFixed(3),
      'held-out accuracy': log.accuracy?.toFixed(3),
      age: metrics.policyAge.toFixed(1),
      queue: `${buffered}/${pacing.candidates} groups, ${inFlight} in flight`,
      'tokens/s': metrics.tokensPerSecond.toFixed(0),
    };
    progress.update(step, shown, { reward: metrics['reward/mean'], 'held-out accuracy': evaluation?.accuracy });
    if (evaluation && evaluation.accuracy >= grpo.stopAccuracy) break;
    ({ roleBaselines } = trained);
    beta = nextBeta(beta, { kl: result.metrics['kl'], completions: inputs.length }, grpo.adaptiveKl);
    reference = await refreshReference(run, loops.reference, { step, name: reference });
    const place = {
      ...begun,
      step,
      beta,
      reference,
      roleBaselines,
      curriculum: curriculum.state,
      watch: diagnosis.state,
    };
    if (step < steps) await run.checkpoints.offer(place, pacing);
    if (grpo.maxPolicyAge === 0) pacing.advance();
  }
}
