import { given, loraOf, trainingOptionsOf } from '@forge/run';
import type { Schedule, StepLossOptions, TrainerOptions } from '@forge/trainer';
import type { Config } from '../config/config.ts';
import { isReferenceWithinTrainer } from '../frozen/references.ts';

/** What the trainer of a run is told, but for its model and store. */
export function trainerOptions(config: Config): Omit<TrainerOptions, 'model' | 'store'> {
  const { grpo, trainer, generator, model, run } = config;
  const lora = loraOf(model);
  return {
    optimizer: { learningRate: grpo.learningRate, betas: trainer.betas, weightDecay: trainer.weightDecay },
    schedule: scheduleOf(grpo),
    entropyBonus: grpo.entropyBonus,
    loss: lossOptions(config),
    batches: {
      epochs: grpo.epochsPerBatch,
      miniBatches: grpo.miniBatches,
      ...given({ maxApproxKl: grpo.maxApproxKl }),
      ...(isReferenceWithinTrainer(config) && { reference: 'adapters off' }),
    },
    temperature: generator.temperature,
    ...trainingOptionsOf(trainer),
    ...(lora && { lora: { ...lora, seed: run.seed } }),
  };
}

function lossOptions({ grpo, generator, environment }: Config): StepLossOptions {
  const { epsilonLow, epsilonHigh, delta, dualClip, tauPositive, tauNegative } = grpo;
  const { klEstimator, correction, offPolicyMask, oldPolicy } = grpo;
  return {
    name: grpo.loss,
    beta: grpo.beta,
    klIn: grpo.klIn,
    klTimesRatio: grpo.klTimesRatio,
    covariance: grpo.covariance,
    maxCompletionLength: environment.maxTokens ?? generator.maxTokens,
    ...given({
      epsilonLow,
      epsilonHigh,
      delta,
      dualClip,
      tauPositive,
      tauNegative,
      klEstimator,
      correction,
      offPolicyMask,
      oldPolicy,
    }),
  };
}

/** In optimiser steps, of which a step of the run may have several. */
function scheduleOf({ schedule, warmupSteps, steps, epochsPerBatch, miniBatches }: Config['grpo']): Schedule {
  const stepsPerBatch = epochsPerBatch * miniBatches;
  const rising = warmupSteps * stepsPerBatch;
  if (schedule === 'constant') return { kind: schedule, warmupSteps: rising };
  return { kind: schedule, warmupSteps: rising, totalSteps: steps * stepsPerBatch };
}
