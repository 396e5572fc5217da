// I input width, O output width of a linear layer, r rank

import { Random, tensor } from '@forge/tensor';
import type { ModelConfig } from '../config.ts';
import { type Parameter, parameters } from '../parameters.ts';
import type { Weights } from '../weights.ts';
import { LORA_TARGETS, type LoraConfig } from './lora-config.ts';

/** The two matrices of one adapter, and the weight that they adapt. */
export interface Adapter {
  /** `[O, I]` */
  readonly weight: Parameter;
  /** `[r, I]` */
  readonly a: Parameter;
  /** `[O, r]` */
  readonly b: Parameter;
}

/**
 * The adapters of a model, in the order of its parameters. Their names are those of the layer, with `lora_A.weight` and
 * `lora_B.weight` for `weight`.
 *
 * @throws {RangeError} when the rank is no whole number of at least 1, or no layer has a name among `targetModules`.
 */
export function adapters(config: ModelConfig, { rank, targetModules = LORA_TARGETS }: LoraConfig): readonly Adapter[] {
  if (!Number.isSafeInteger(rank) || rank < 1)
    throw new RangeError(`A LoRA of rank ${rank}: give a whole number of at least 1.`);
  const found = parameters(config).filter(({ name }) =>
    targetModules.some((module) => name.endsWith(`.${module}.weight`)),
  );
  const missing = targetModules.find((module) => !found.some(({ name }) => name.endsWith(`.${module}.weight`)));
  if (missing !== undefined || found.length === 0) {
    throw new RangeError(
      `A ${config.architecture} has no linear layer ${missing}; there are ${LORA_TARGETS.join(', ')}.`,
    );
  }
  return found.map((weight) => {
    const [wide, long] = weight.shape as readonly [number, number]; // a linear layer
    const layer = weight.name.slice(0, -'.weight'.length);
    return {
      weight,
      a: { name: `${layer}.lora_A.weight`, shape: [rank, long], role: 'projection' },
      b: { name: `${layer}.lora_B.weight`, shape: [wide, rank], role: 'projection' },
    };
  });
}

/** The parameters of all adapters. @throws {RangeError} as {@link adapters} */
export function loraParameters(config: ModelConfig, lora: LoraConfig): readonly Parameter[] {
  return adapters(config, lora).flatMap(({ a, b }) => [a, b]);
}

/** New adapters, which change nothing yet: A uniform within ±1/√I, B 0. Source: PEFT `reset_lora_parameters`. */
export function initializeLora(config: ModelConfig, lora: LoraConfig, seed: number | string): Weights {
  const random = new Random(seed);
  const named = adapters(config, lora).flatMap(({ a, b }) => {
    const [A, B] = [tensor('float32', a.shape), tensor('float32', b.shape)];
    const bound = 1 / Math.sqrt(a.shape[1]!); // [r, I]
    const own = random.split(a.name);
    for (let i = 0; i < A.data.length; i++) A.data[i] = bound * (2 * own.uniform() - 1);
    return [[a.name, A] as const, [b.name, B] as const];
  });
  return Object.fromEntries(named);
}
