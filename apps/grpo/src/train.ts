// The whole system on one screen. After the warm-up two loops run at once, paced by the age of the weights:
//
//   dataset ─▶ generator ─▶ rewards, reference ─▶ buffer                    rollouts.ts
//                 ▲                                  │ advantages
//                 └─ updateWeights ◀── store ◀── trainer                     training.ts
import path from 'node:path';
import { lateSource, watchEventLoop } from '@forge/observability';
import { duration, evaluate, type Given, loraOf, type RunLog, type Source, WeightSync } from '@forge/run';
import { openStore } from '@forge/torchstore';
import { BestWeights } from './checkpoints/best-weights.ts';
import { type Checkpoint, Checkpoints, type GrpoPlace } from './checkpoints/checkpoints.ts';
import type { Config } from './config/config.ts';
import { ProcessLog } from './diagnostics/process-log.ts';
import { explainSilence, tellSilence } from './diagnostics/silence.ts';
import { Warnings } from './diagnostics/warnings.ts';
import { firstReference, hasReference, openReference } from './frozen/references.ts';
import { openTeacher } from './frozen/teacher.ts';
import { Pacing, type PacingState } from './pacing.ts';
import { probesOf, startParts } from './parts.ts';
import { Curriculum } from './rollouts/curriculum.ts';
import { Rejects } from './rollouts/rejects.ts';
import { rollouts } from './rollouts/rollouts.ts';
import type { Run } from './run.ts';
import { training } from './training/training.ts';
import { warmUp } from './warm-up.ts';

/** Runs warm-up and GRPO to their end. Rejects with the first failure of either loop, or with the signal's reason. */
export async function train(given: Given<Config, Source, Checkpoint>): Promise<void> {
  const { config, source, log, progress, signal, resumed } = given;
  progress.note(`Run folder: ${log.folder}`);
  for (const line of source.lines) progress.note(line);
  // Not disposed here: `shutdown` stops what uses it first, and a store that died is told as the cause of a failure.
  const store = await openStore();
  const warnings = new Warnings(given, resumed?.warnings);
  using processes = new ProcessLog(log, ['dataset', 'buffer', 'trainer', 'torchstore']);
  using _eventLoop = watchEventLoop('app_perf');
  const parts = await startParts({ ...given, warnings, processes }, store);
  // A service starts again what dies, so it has to be told that it ends.
  await using _generator = parts.generator;
  await using _rewards = parts.rewards;
  await using _environments = parts.environments;
  await log.observe(async () => [await parts.trainer.drainMetrics.callOne()]);
  await log.observe(() => parts.generator.drainMetrics.fanoutSettled());
  // How busy these are: no step waits for them, as one may be stuck in a reward.
  for (const part of [parts.dataset, parts.buffer]) {
    await log.observe(lateSource(async () => [await part.drainMetrics.callOne()]));
  }
  await log.observe(lateSource(() => parts.rewards.drainMetrics.fanoutSettled()));
  const weights = new WeightSync(parts, store, {
    adaptersAlone: loraOf(config.model) !== undefined,
    mode: config.generator.updateMode,
  });
  const problems = source.heldOut.slice(0, config.evaluation.problems);
  const watched = <T>(what: string, awaited: Promise<T>): Promise<T> =>
    tellSilence(awaited, {
      services: probesOf(parts),
      maxMs: config.diagnostics.stallSeconds * 1000,
      tell: (silent, waitedMs) => warnings.tell('stall', explainSilence(what, silent, waitedMs)),
    });
  const run: Run = {
    ...given,
    warnings,
    processes,
    parts,
    weights,
    checkpoints: new Checkpoints({ config, log, parts, weights, warnings }),
    best: new BestWeights({ config, log, parts }),
    watched,
    evaluate: (answers) =>
      watched(
        'The evaluation',
        evaluate({ config, parts }, problems, {
          ...config.evaluation,
          ...(answers === 'greedy' && { samples: 0 }),
          seed: config.run.seed,
          signal,
        }),
      ),
  };

  const { pacing, place } = await begin(run, resumed);
  await using reference = await openReference(run, place.reference);
  await using teacher = await openTeacher(run);
  for (const frozen of [reference, teacher]) if (frozen) await log.observe(lateSource(() => frozen.drainMetrics()));
  const loops = {
    pacing: new Pacing(config.grpo, pacing),
    rejects: new Rejects(),
    curriculum: new Curriculum(config, (number) => parts.dataset.sampleAt.callOne(number), place.curriculum),
    reference,
    teacher,
  };
  await startTogether(signal, (ended) => [
    rollouts({ ...run, signal: ended }, loops),
    training({ ...run, signal: ended }, loops, place),
  ]);

  await run.checkpoints.written();
  await parts.trainer.saveWeights.callOne(path.join(log.folder, 'trained'));
}

/** Goes on where the run stands, and through the warm-up when that is not over. @returns where GRPO begins. */
async function begin(
  run: Run,
  resumed: Checkpoint | undefined,
): Promise<{ readonly place: GrpoPlace; readonly pacing?: PacingState }> {
  const { config, parts, weights, checkpoints, log } = run;
  if (resumed !== undefined) await checkpoints.restore(resumed);
  if (resumed?.place.phase === 'grpo') return { place: resumed.place, pacing: resumed.pacing };
  await warmUp(run, resumed?.place.step);
  if (hasReference(config)) await parts.trainer.saveWeights.callOne(path.join(log.folder, firstReference));
  await parts.trainer.resetOptimizer.callOne();
  if (config.evaluation.atStart && log.accuracy === undefined) {
    await log.beforeSteps('grpo', (await run.evaluate()).metrics);
  }
  const { beta } = config.grpo;
  const place = { phase: 'grpo', step: 0, firstVersion: weights.version, beta, reference: firstReference } as const;
  await checkpoints.save(place);
  return { place };
}

/** Runs tasks until one of them ends, ends the others, and settles as the first did. */
async function startTogether(
  signal: AbortSignal,
  start: (ended: AbortSignal) => readonly Promise<void>[],
): Promise<void> {
  const over = new AbortController();
  const tasks = start(AbortSignal.any([signal, over.signal]));
  try {
    await Promise.race(tasks);
  } finally {
    over.abort(new DOMException('The other loop has ended.', 'AbortError'));
    await Promise.allSettled(tasks);
  }
}

/** The line a run ends with. */
export function describeEnd(log: RunLog): string {
  const { accuracy, folder, seconds } = log;
  const before = log.accuracyBefore('grpo');
  const learned =
    accuracy === undefined || before === undefined
      ? 'No evaluation was made'
      : `Held-out accuracy ${before.toFixed(3)} → ${accuracy.toFixed(3)} by GRPO`;
  const picture = path.join(folder, log.steps() > 0 ? 'curves.svg' : '');
  return `${learned}, ${log.steps('grpo')} GRPO steps, ${duration(seconds)}. See ${picture}`;
}
