import { initializeLora, loadConfig, loadWeights, resolveModel, type Weights } from '@forge/models';
import { checkTrainingOptions } from './check-options.ts';
import { LayeredPasses } from './layered-passes.ts';
import { planParameters } from './parameter-groups.ts';
import { Training } from './training.ts';
import { computeOptions, type ModelWeights, type TrainingOptions } from './training-options.ts';
import { WholePasses } from './whole-passes.ts';

/**
 * Opens a model, a folder, a name on the Hugging Face hub or weights in memory, for training. Dispose of it to free its sessions.
 *
 * @throws {TrainerOptionError} when a number is outside its range, before anything is read; when a group of parameters fits
 * none of the model's.
 */
export async function openTraining(model: string | ModelWeights, options: TrainingOptions = {}): Promise<Training> {
  checkTrainingOptions(options);
  const { config, weights: given } = typeof model === 'string' ? await readModel(model) : model;
  const { lora } = options;
  const weights =
    lora === undefined ? given : { ...given, ...missing(given, initializeLora(config, lora, lora.seed ?? 0)) };
  const { trained } = planParameters(config, options);
  const trainable = trained.map(({ name }) => name);
  const passes = await (options.recompute ? LayeredPasses : WholePasses).open(config, {
    ...computeOptions(options),
    trainable,
    entropy: (options.entropyBonus ?? 0) !== 0,
    ...(lora && { lora }),
  });
  return new Training({ config, weights }, passes, options);
}

/** What of `weights` is not given. */
const missing = (given: Weights, weights: Weights): Weights =>
  Object.fromEntries(Object.entries(weights).filter(([name]) => given[name] === undefined));

/** Config and weights of a model folder, or of a model by its name on the hub. */
export async function readModel(model: string): Promise<ModelWeights> {
  const folder = await resolveModel(model);
  const config = await loadConfig(folder);
  return { config, weights: await loadWeights(folder, config) };
}
