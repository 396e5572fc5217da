import {
  checkWeights,
  initializeLora,
  type LoadOptions,
  type LoraConfig,
  loadConfig,
  loadWeights,
  loadWeightsInto,
  loraParameters,
  type ModelConfig,
  resolveModel,
  type Weights,
} from '@forge/models';
import { checkTrainingOptions } from './check-options.ts';
import { planParameters } from './parameter-groups.ts';
import { LayeredPasses } from './passes/layered-passes.ts';
import { WholePasses } from './passes/whole-passes.ts';
import { Training } from './training.ts';
import { computeOptions, type ModelWeights, type TrainingOptions } from './training-options.ts';

/**
 * Opens a model, a folder, a name on the Hugging Face hub or weights in memory, for training. Dispose of it to free its sessions.
 *
 * @throws {TrainerOptionError} when a number is outside its range, before anything is read; when a group of parameters fits
 * none of the model's.
 * @throws {WeightsError} when the weights are not those that the config calls for; what reading a folder throws.
 */
export async function openTraining(
  model: string | ModelWeights,
  { onLoadProgress, ...options }: TrainingOptions & LoadOptions = {},
): Promise<Training> {
  checkTrainingOptions(options);
  const { lora } = options;
  const { config, fill } =
    typeof model === 'string' ? await inFolder(model, { onLoadProgress }) : inMemory(model, lora);
  const { trained } = planParameters(config, options);
  const trainable = trained.map(({ name }) => name);
  const passes = await (options.recompute ? LayeredPasses : WholePasses).open(config, {
    ...computeOptions(options),
    trainable,
    entropy: (options.entropyBonus ?? 0) !== 0,
    ...(lora && { lora }),
    ...(options.maxLogits !== undefined && { maxLogits: options.maxLogits }),
  });
  try {
    const training = new Training(config, passes, options);
    if (lora !== undefined) copyInto(training.weights, initializeLora(config, lora, lora.seed ?? 0));
    await fill(training.weights);
    return training;
  } catch (error) {
    await passes[Symbol.asyncDispose]();
    throw error;
  }
}

/** A model whose weights are somewhere. */
interface ModelSource {
  readonly config: ModelConfig;
  /** Writes them where they are to be. */
  fill(weights: Weights): void | Promise<void>;
}

function inMemory({ config, weights }: ModelWeights, lora: LoraConfig | undefined): ModelSource {
  const ofAdapters = lora === undefined ? [] : loraParameters(config, lora).map(({ name }) => name);
  checkWeights(config, new Map(Object.entries(weights)), { ignored: new Set(ofAdapters) });
  return { config, fill: (views) => copyInto(views, weights) };
}

async function inFolder(model: string, options: LoadOptions): Promise<ModelSource> {
  const folder = await resolveModel(model);
  const config = await loadConfig(folder);
  return { config, fill: (weights) => loadWeightsInto(weights, { folder, config }, options) };
}

function copyInto(views: Weights, values: Weights): void {
  for (const [name, { data }] of Object.entries(values)) views[name]?.data.set(data);
}

/** Config and weights of a model folder, or of a model by its name on the hub. */
export async function readModel(model: string): Promise<ModelWeights> {
  const folder = await resolveModel(model);
  const config = await loadConfig(folder);
  return { config, weights: await loadWeights(folder, config) };
}
