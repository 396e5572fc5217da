import { checkWeights, type ModelConfig, parameters, type Weights } from '@forge/models';
import { isOf, type Tensor } from '@forge/tensor';
import type { LoadedItem } from '@forge/torchstore';
import { WeightsMismatchError } from './errors.ts';

/**
 * A loaded state dict as weights in the order of `parameters(config)`.
 *
 * @throws {WeightsMismatchError} when they are not exactly the float32 parameters of the config.
 */
export function weightsOf(
  stateDict: Readonly<Record<string, LoadedItem>>,
  version: number,
  config: ModelConfig,
): Weights {
  const found = new Map<string, Tensor<'float32'>>();
  for (const [name, item] of Object.entries(stateDict)) {
    if (!isTensor(item)) throw new WeightsMismatchError(version, `${name} is no tensor.`);
    if (!isOf(item, 'float32')) throw new WeightsMismatchError(version, `${name} is ${item.dtype}, not float32.`);
    found.set(name, item);
  }
  try {
    checkWeights(config, found);
  } catch (cause) {
    throw new WeightsMismatchError(version, cause instanceof Error ? cause.message : String(cause), cause);
  }
  return Object.fromEntries(parameters(config).map(({ name }) => [name, found.get(name)!])); // all there: checked above
}

function isTensor(item: LoadedItem): item is Tensor {
  return typeof item === 'object' && item !== null && 'dtype' in item && typeof item.dtype === 'string';
}
