import { Random, tensor } from '@forge/tensor';
import type { ModelConfig } from './config.ts';
import { type Parameter, parameters } from './parameters.ts';
import type { Weights } from './weights.ts';

/** How a new model starts. */
export interface InitializeOptions {
  /**
   * Divides the deviation of the projections that write to the residual stream by √(2 · layers), so that its size does
   * not grow with depth.
   *
   * @default false, as transformers does
   */
  readonly scaleResiduals?: boolean;
}

/**
 * Random weights for a new model: norms 1, biases 0, everything else normal with deviation `initializerRange`. A
 * weight depends on the seed, its name and its shape only. Source: `_init_weights` in transformers; GPT-2 section 2.3
 * for the scaling.
 */
export function initialize(
  config: ModelConfig,
  seed: number | string,
  { scaleResiduals = false }: InitializeOptions = {},
): Weights {
  const random = new Random(seed);
  const residualScale = scaleResiduals ? 1 / Math.sqrt(2 * config.numHiddenLayers) : 1;
  return Object.fromEntries(
    parameters(config).map((parameter) => {
      const weight = tensor('float32', parameter.shape);
      fill(weight.data, parameter, {
        random: random.split(parameter.name),
        deviation: config.initializerRange * (parameter.role === 'residual' ? residualScale : 1),
      });
      return [parameter.name, weight];
    }),
  );
}

function fill(
  data: Float32Array,
  { role }: Parameter,
  { random, deviation }: { readonly random: Random; readonly deviation: number },
): void {
  if (role === 'bias') return;
  if (role === 'norm') data.fill(1);
  else for (let index = 0; index < data.length; index += 1) data[index] = deviation * random.normal();
}
