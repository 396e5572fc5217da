import { loadConfig, loadWeights, scoringGraph, trainingGraph } from '@forge/models';
import { openSession } from '@forge/onnx';
import { checkTrainingOptions } from './check-options.ts';
import { Training } from './training.ts';
import { computeOptions, type ModelWeights, type TrainingOptions } from './training-options.ts';

/**
 * Opens a model, a folder or weights in memory, for training. Dispose of it to free its sessions.
 *
 * @throws {TrainerOptionError} when a number is outside its range, before anything is read.
 */
export async function openTraining(model: string | ModelWeights, options: TrainingOptions = {}): Promise<Training> {
  checkTrainingOptions(options);
  const { config, weights } = typeof model === 'string' ? await readModel(model) : model;
  const scoring = await openSession(scoringGraph(config, { sharedPrefix: true }), computeOptions(options));
  try {
    const training = await openSession(trainingGraph(config, { sharedPrefix: true }), computeOptions(options));
    return new Training({ config, weights }, { scoring, training }, options);
  } catch (error) {
    await scoring[Symbol.asyncDispose]();
    throw error;
  }
}

/** A model folder's config and weights. */
export async function readModel(folder: string): Promise<ModelWeights> {
  const config = await loadConfig(folder);
  return { config, weights: await loadWeights(folder, config) };
}
