import { loadConfig, loadWeights } from '@forge/models';
import { checkTrainingOptions } from './check-options.ts';
import { Training } from './training.ts';
import { computeOptions, type ModelWeights, type TrainingOptions } from './training-options.ts';
import { WholePasses } from './whole-passes.ts';

/**
 * Opens a model, a folder or weights in memory, for training. Dispose of it to free its sessions.
 *
 * @throws {TrainerOptionError} when a number is outside its range, before anything is read.
 */
export async function openTraining(model: string | ModelWeights, options: TrainingOptions = {}): Promise<Training> {
  checkTrainingOptions(options);
  const { config, weights } = typeof model === 'string' ? await readModel(model) : model;
  return new Training({ config, weights }, await WholePasses.open(config, computeOptions(options)), options);
}

/** A model folder's config and weights. */
export async function readModel(folder: string): Promise<ModelWeights> {
  const config = await loadConfig(folder);
  return { config, weights: await loadWeights(folder, config) };
}
