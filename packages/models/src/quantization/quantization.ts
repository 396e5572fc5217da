// O output width, I input width, G groups of a row
import type { ModelConfig } from '../config.ts';
import { type Parameter, parameters } from '../parameters.ts';

/**
 * How weights that are multiplied are held: `int8`, one scale an output, with activations of 8 bit for the whole of a
 * product – fastest for many sequences; `int4`, one scale for 32 inputs, activations of 8 bit by group – a quarter of the
 * memory traffic, fastest for one sequence. Embedding, norms and biases stay float32.
 */
export type Quantization = 'int8' | 'int4';

/** Elements of an int4 weight that share a scale. */
export const GROUP_SIZE = 32;

/** The weights that are multiplied, [O, I]: projections and the output head, which may be the embedding. */
export function multipliedParameters(config: ModelConfig): readonly Parameter[] {
  const isHead = (name: string) => config.tieWordEmbeddings && name === 'model.embed_tokens.weight';
  return parameters(config).filter(({ name, role }) => role === 'projection' || role === 'residual' || isHead(name));
}

/** The inputs that hold a weight in its quantised form. */
export function quantizedNames(
  name: string,
  quantization: Quantization,
): { readonly values: string; readonly scales: string } {
  return { values: `${name}.${quantization}`, scales: `${name}.${quantization}_scales` };
}
