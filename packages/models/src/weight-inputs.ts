import { input, matMul, type Value } from '@forge/onnx';
import type { ModelConfig } from './config.ts';
import { type LoraConfig, loraScale } from './lora/lora-config.ts';
import { loraParameters } from './lora/lora-parameters.ts';
import { parameters } from './parameters.ts';

/** The weights of a model as inputs of its graph, by the last part of their names within `prefix`. */
export interface WeightInputs {
  /** Every weight by its Hugging Face name, in the order of `parameters(config)`. */
  readonly all: ReadonlyMap<string, Value>;
  /** The weight of a name; `undefined` where the model has none, such as a bias. */
  find(name: string): Value | undefined;
  /** The weight of a name that the model has. */
  get(name: string): Value;
  /** `x_NI @ weight_OIᵀ` by the weight of a name, in the form that the graph has it. Returns [N, O]. */
  product(x_NI: Value, name: string): Value;
  /** Factor of the product of two adapter matrices. */
  readonly adapterScale: number;
  /** The same weights, named from `prefix` on. */
  within(prefix: string): WeightInputs;
}

/**
 * One float32 input for each weight, named as in the checkpoint; those of adapters after those of the model.
 *
 * @param products - those of weights that are multiplied in another form, by name. @default none
 */
export function weightInputs(
  config: ModelConfig,
  lora?: LoraConfig,
  products: ReadonlyMap<string, (x_NI: Value) => Value> = new Map(),
): WeightInputs {
  const own = [...parameters(config), ...(lora === undefined ? [] : loraParameters(config, lora))];
  const all = new Map(own.map(({ name, shape }) => [name, input(name, 'float32', shape)]));
  return view('', { all, products, adapterScale: lora === undefined ? 1 : loraScale(lora) });
}

interface Inputs {
  readonly all: ReadonlyMap<string, Value>;
  readonly products: ReadonlyMap<string, (x_NI: Value) => Value>;
  readonly adapterScale: number;
}

function view(prefix: string, inputs: Inputs): WeightInputs {
  const { all, products, adapterScale } = inputs;
  const find = (name: string): Value | undefined => all.get(prefix + name);
  const get = (name: string): Value => {
    const weight = find(name);
    if (weight === undefined) throw new RangeError(`The model has no weight ${prefix}${name}.`);
    return weight;
  };
  return {
    all,
    adapterScale,
    find,
    get,
    product: (x_NI, name) => products.get(prefix + name)?.(x_NI) ?? matMul(x_NI, get(name), { transposeB: true }),
    within: (inner) => view(`${prefix}${inner}.`, inputs),
  };
}
