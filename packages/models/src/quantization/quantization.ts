import type { ModelConfig } from '../config.ts';
import { type Parameter, parameters } from '../parameters.ts';

/** Every quantised form. */
export const QUANTIZATIONS = ['int8', 'int8-blocks', 'int4'] as const;

/**
 * How weights that are multiplied are held. `int8`: one scale an output, and activations of 8 bit, quantised together
 * when they are multiplied. `int8-blocks`, `int4`: one scale for 256 or 128 inputs of an output, and activations of
 * 8 bit, quantised so many at a time. Embedding, norms and biases stay float32.
 */
export type Quantization = (typeof QUANTIZATIONS)[number];

/** Whether a form is fast only where weights are constants of the session, not inputs. */
export const needsConstants = (quantization: Quantization | undefined): boolean =>
  quantization === 'int8-blocks' || quantization === 'int4';

/** A weight that is multiplied, [O, I]: one of the model, or several that multiply the same rows, one below the other. */
export interface MultipliedWeight {
  readonly name: string;
  readonly parts: readonly Parameter[];
}

/** Parts that are joined, with vLLM's names for them: one product costs less than several. */
const joins: readonly (readonly [part: RegExp, joined: string])[] = [
  [/\b[qkv]_proj\.weight$/, 'qkv_proj.weight'],
  [/\b(gate|up)_proj\.weight$/, 'gate_up_proj.weight'],
];

/** What is multiplied: projections, and the output head, which may be the embedding. */
export function multipliedWeights(config: ModelConfig): readonly MultipliedWeight[] {
  const isHead = (name: string) => config.tieWordEmbeddings && name === 'model.embed_tokens.weight';
  const multiplied = parameters(config).filter(
    ({ name, role }) => role === 'projection' || role === 'residual' || isHead(name),
  );
  const nameOf = (name: string) => joins.reduce((joined, [part, by]) => joined.replace(part, by), name);
  return [...Map.groupBy(multiplied, ({ name }) => nameOf(name))].map(([name, parts]) => ({ name, parts }));
}

/** Rows and columns of a multiplied weight. */
export function sizeOf({ parts }: MultipliedWeight): readonly [O: number, I: number] {
  const shapes = parts.map(({ shape }) => shape as readonly [number, number]); // multiplied weights are matrices
  return [shapes.reduce((sum, [rows]) => sum + rows, 0), shapes[0]![1]];
}
