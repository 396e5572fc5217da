import { Generator } from '@forge/generator';
import { type Given, loraOf, type Source, startEnvironments, trainingOptionsOf, WeightSync } from '@forge/run';
import { openStore } from '@forge/torchstore';
import { type Schedule, Trainer } from '@forge/trainer';
import type { Checkpoint } from './checkpoints.ts';
import type { Config } from './config.ts';

export type Run = Given<Config, Source, Checkpoint>;

/** The actors of a run, each in a process of its own. */
export type Parts = Awaited<ReturnType<typeof startParts>>;

/** Starts the trainer, and where answers are asked for a generator that has its weights. */
export async function startParts({ config, source }: Run, totalSteps: number) {
  const { trainer: settings, sft, evaluation } = config;
  const model = source.modelFolder;
  const lora = loraOf(config.model);
  // Not disposed: the program's end stops what uses it first.
  const store = evaluation.accuracy === 'none' ? undefined : await openStore();
  const [trainer, generator, environments] = await Promise.all([
    Trainer.options({ meshName: 'trainer' }).asActor({
      model,
      ...(store && { store: store.reference }),
      optimizer: { learningRate: sft.learningRate, betas: settings.betas, weightDecay: settings.weightDecay },
      schedule: scheduleOf(sft, totalSteps),
      ...trainingOptionsOf(settings),
      ...(lora && { lora: { ...lora, seed: config.run.seed } }),
    }),
    store &&
      Generator.options({
        meshName: 'generator',
        replicaMaxConcurrentRequests: 512,
        maxQueuedRequests: evaluation.problems,
        retry: { burst: evaluation.problems, budgetRatio: 1 },
      }).asService({
        model,
        store: store.reference,
        threads: evaluation.threads,
        // Answers must not depend on which of them are decoded side by side: a run repeats to the last bit.
        batchInvariant: evaluation.threads === 1,
        seed: config.run.seed,
      }),
    store && startEnvironments(config.environment, { maxQueuedRequests: evaluation.problems, onEvent: () => {} }),
  ]);
  const answering = store &&
    generator &&
    environments && { generator, environments, weights: new WeightSync({ trainer, generator }, store) };
  return { trainer, answering };
}

function scheduleOf({ schedule, warmupSteps }: Config['sft'], totalSteps: number): Schedule {
  return schedule === 'constant' ? { kind: schedule, warmupSteps } : { kind: schedule, warmupSteps, totalSteps };
}
