import { isOf, sameShape, type Tensor } from '@forge/tensor';
import type { ModelConfig } from '../config.ts';
import { isRecord } from '../config-fields.ts';
import { WeightsError } from '../errors.ts';
import type { Weights } from '../weights.ts';
import { LORA_TARGETS, type LoraConfig } from './lora-config.ts';
import { loraParameters } from './lora-parameters.ts';
import type { LoraAdapters } from './peft-folder.ts';

/** The tensors of adapters by name, and under `lora` how they are applied; what a store of tensors takes. */
export type LoraStateDict = Readonly<Record<string, Weights[string] | LoraFields>>;

// An alias, since an interface could have further fields, which no store would take.
type LoraFields = { readonly [Field in keyof Required<LoraConfig>]: Required<LoraConfig>[Field] };

/** Adapters as one state dict, which `loraOf` reads. @param adapters.weights - may hold those of the model too */
export function loraStateDict(config: ModelConfig, { lora, weights }: LoraAdapters): LoraStateDict {
  const { rank, alpha = 2 * rank, targetModules = LORA_TARGETS } = lora;
  const named = loraParameters(config, lora).map(({ name }) => [name, weights[name]!] as const); // all were given
  return { ...Object.fromEntries(named), lora: { rank, alpha, targetModules } };
}

/**
 * The adapters that a state dict holds; `undefined` when it holds none.
 *
 * @throws {WeightsError} when a tensor is missing, left over, not float32 or of another shape than the model calls for.
 * @throws {RangeError} when `lora` does not describe adapters of this model.
 */
export function loraOf(config: ModelConfig, stateDict: Readonly<Record<string, unknown>>): LoraAdapters | undefined {
  const { lora: described, ...tensors } = stateDict;
  if (described === undefined) return undefined;
  const lora = configOf(described);
  const left = new Map(Object.entries(tensors));
  const weights = loraParameters(config, lora).map(({ name, shape }) => {
    const found = left.get(name);
    left.delete(name);
    const expected = `float32 of shape [${shape.join(', ')}]`;
    if (!isTensor(found)) throw new WeightsError({ tensor: name, expected, got: 'no such tensor' });
    if (!isOf(found, 'float32') || !sameShape(found.shape, shape)) {
      throw new WeightsError({ tensor: name, expected, got: `${found.dtype} of shape [${found.shape.join(', ')}]` });
    }
    return [name, found] as const;
  });
  const [stranger] = left.keys();
  if (stranger !== undefined) {
    throw new WeightsError({ tensor: stranger, expected: 'no such tensor in these adapters', got: 'one' });
  }
  return { lora, weights: Object.fromEntries(weights) };
}

function configOf(described: unknown): LoraConfig {
  const { rank, alpha, targetModules } = isRecord(described) ? described : {};
  const areNames = Array.isArray(targetModules) && targetModules.every((name) => typeof name === 'string');
  if (typeof rank !== 'number' || typeof alpha !== 'number' || !Number.isFinite(alpha) || !areNames) {
    throw new RangeError('lora needs rank and alpha, two numbers, and targetModules, names of linear layers.');
  }
  return { rank, alpha, targetModules };
}

function isTensor(value: unknown): value is Tensor {
  return isRecord(value) && typeof value['dtype'] === 'string' && ArrayBuffer.isView(value['data']);
}
