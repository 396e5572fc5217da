import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Generator } from '@forge/generator';
import {
  checkOwnEnvironments,
  checkTaskEnvironments,
  datasetSettings,
  type Evaluation,
  environmentSettings,
  evaluate,
  modelSettings,
  prepareSource,
  runSettings,
  share,
  startEnvironments,
} from '@forge/run';
import { z } from 'zod';
import { asked } from './config/evaluation.ts';
import { generator } from './config/generator.ts';
import { reward } from './config/reward.ts';
import { checkOwnFunctions } from './rewards/check-own-functions.ts';
import { startRewards } from './rewards/start-rewards.ts';

/** The settings of an evaluation without training. */
export const evaluateSchema = z.strictObject({
  run: runSettings,
  model: modelSettings,
  dataset: datasetSettings,
  generator,
  environment: environmentSettings,
  reward,
  evaluation: asked
    .extend({ atLeast: share.default(0).describe('exit code 3 when the accuracy is below') })
    .prefault({}),
});

export type EvaluateSettings = z.infer<typeof evaluateSchema>;

/**
 * Judges a model on problems: all of a file that is named, else those that a run with these settings keeps from training.
 *
 * @throws an error that says what to correct, before anything is started.
 */
export async function evaluateAlone(config: EvaluateSettings, note: (line: string) => void): Promise<Evaluation> {
  const { dataset, evaluation, run } = config;
  await checkOwnFunctions(config.reward);
  const known = await checkOwnEnvironments(config.environment);
  // What preparing writes, such as the embedded model, is not needed afterwards.
  const folder = await mkdtemp(path.join(tmpdir(), 'forge-evaluate-'));
  try {
    const whole = dataset.heldOutPath ?? dataset.path;
    const source = await prepareSource(
      {
        ...config,
        dataset: whole === undefined ? dataset : { ...dataset, heldOutPath: whole, heldOut: evaluation.problems },
      },
      folder,
      { trains: false },
    );
    const problems = source.heldOut.slice(0, evaluation.problems);
    checkTaskEnvironments(problems, known);
    const { replicas, threads, maxSequences } = config.generator;
    const maxQueuedRequests = problems.length * Math.max(2, 1 + evaluation.samples);
    const [service, { rewards, score }, environments] = await Promise.all([
      Generator.options({
        meshName: 'generator',
        numReplicas: replicas,
        replicaMaxConcurrentRequests: 512,
        maxQueuedRequests,
        retry: { burst: maxQueuedRequests, budgetRatio: 1 },
      }).asService({ model: source.modelFolder, maxSequences, threads, seed: run.seed }),
      startRewards(config, { note }),
      startEnvironments(config.environment, { maxQueuedRequests, onEvent: () => {} }),
    ]);
    await using _generator = service;
    await using _rewards = rewards;
    await using _environments = environments;
    return await evaluate({ config, parts: { generator: service, environments, score } }, problems, {
      ...evaluation,
      seed: run.seed,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
