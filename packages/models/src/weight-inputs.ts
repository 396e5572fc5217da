import { input, type Value } from '@forge/onnx';
import type { ModelConfig } from './config.ts';
import { parameters } from './parameters.ts';

/** The weights of a model as inputs of its graph, by the last part of their names within `prefix`. */
export interface WeightInputs {
  /** Every weight by its Hugging Face name, in the order of `parameters(config)`. */
  readonly all: ReadonlyMap<string, Value>;
  /** The weight of a name; `undefined` where the model has none, such as a bias. */
  find(name: string): Value | undefined;
  /** The weight of a name that the model has. */
  get(name: string): Value;
  /** The same weights, named from `prefix` on. */
  within(prefix: string): WeightInputs;
}

/** One float32 input for each weight, named as in the checkpoint. */
export function weightInputs(config: ModelConfig): WeightInputs {
  const all = new Map(parameters(config).map(({ name, shape }) => [name, input(name, 'float32', shape)]));
  return view(all, '');
}

function view(all: ReadonlyMap<string, Value>, prefix: string): WeightInputs {
  const find = (name: string): Value | undefined => all.get(prefix + name);
  return {
    all,
    find,
    get(name) {
      const weight = find(name);
      if (weight === undefined) throw new RangeError(`The model has no weight ${prefix}${name}.`);
      return weight;
    },
    within: (inner) => view(all, `${prefix}${inner}.`),
  };
}
