// O output width, I input width
import type { ModelConfig } from '../config.ts';
import { type Parameter, parameters } from '../parameters.ts';

/**
 * How weights that are multiplied are held. `int8`: one scale an output, and activations of 8 bit, quantised when they
 * are multiplied. Embedding, norms and biases stay float32.
 */
export type Quantization = 'int8';

/** The weights that are multiplied, [O, I]: projections and the output head, which may be the embedding. */
export function multipliedParameters(config: ModelConfig): readonly Parameter[] {
  const isHead = (name: string) => config.tieWordEmbeddings && name === 'model.embed_tokens.weight';
  return parameters(config).filter(({ name, role }) => role === 'projection' || role === 'residual' || isHead(name));
}

/** The inputs that hold a weight in its quantised form. */
export function quantizedNames(name: string): { readonly values: string; readonly scales: string } {
  return { values: `${name}.int8`, scales: `${name}.int8_scales` };
}
