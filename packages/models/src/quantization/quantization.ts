import type { ModelConfig } from '../config.ts';
import { type Parameter, parameters } from '../parameters.ts';

/**
 * How weights that are multiplied are held. `int8`: one scale an output, and activations of 8 bit, quantised together
 * when they are multiplied. `int4`: one scale for 64 inputs of an output, and activations of 8 bit, quantised 64 by 64.
 * Embedding, norms and biases stay float32.
 */
export type Quantization = 'int8' | 'int4';

/** The weights that are multiplied, [O, I]: projections and the output head, which may be the embedding. */
export function multipliedParameters(config: ModelConfig): readonly Parameter[] {
  const isHead = (name: string) => config.tieWordEmbeddings && name === 'model.embed_tokens.weight';
  return parameters(config).filter(({ name, role }) => role === 'projection' || role === 'residual' || isHead(name));
}
