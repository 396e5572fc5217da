import { sameShape, type Tensor } from '@forge/tensor';
import type { ModelConfig } from './config.ts';
import { WeightsError } from './errors.ts';
import { parameters } from './parameters.ts';

/** The weights of one model by Hugging Face name, in the order of `parameters(config)`. */
export type Weights = Readonly<Record<string, Tensor<'float32'>>>;

/**
 * Checks that `found` holds exactly the tensors that the config calls for.
 *
 * @param ignored - names beyond those that may be present, such as the head of a tied model.
 * @throws {WeightsError} for the first tensor that is missing, left over or of another shape.
 */
export function checkWeights(
  config: ModelConfig,
  found: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  { file, ignored = new Set() }: { readonly file?: string | undefined; readonly ignored?: ReadonlySet<string> } = {},
): void {
  const called = parameters(config);
  for (const { name, shape } of called) {
    const got = found.get(name);
    const expected = `shape [${shape.join(', ')}]`;
    if (got === undefined) throw new WeightsError({ file, tensor: name, expected, got: 'no such tensor' });
    if (!sameShape(got.shape, shape)) {
      throw new WeightsError({ file, tensor: name, expected, got: `shape [${got.shape.join(', ')}]` });
    }
  }
  const names = new Set(called.map(({ name }) => name));
  for (const [name, { shape }] of found) {
    if (names.has(name) || ignored.has(name)) continue;
    const got = `shape [${shape.join(', ')}]`;
    throw new WeightsError({ file, tensor: name, expected: `no such tensor in a ${config.architecture}`, got });
  }
}
