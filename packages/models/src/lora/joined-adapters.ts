// N rows, I input width, O output width, R ranks of all adapters of a weight
import { setImmediate as nextTurn } from 'node:timers/promises';
import { input, matMul, type Value } from '@forge/onnx';
import { type Tensor, tensor } from '@forge/tensor';
import type { ModelConfig } from '../config.ts';
import { type MultipliedWeight, multipliedWeights, sizeOf } from '../quantization/quantization.ts';
import { type LoraConfig, loraScale } from './lora-config.ts';
import { type Adapter, adapters } from './lora-parameters.ts';
import type { LoraAdapters } from './peft-folder.ts';

/** The adapters of weights that multiply the same rows, as one: two products take less time than two for each. */
interface JoinedAdapter {
  readonly weight: MultipliedWeight;
  /** Those of its parts that have one, with the row of the weight that the part begins at. */
  readonly adapters: readonly (Adapter & { readonly from: number })[];
  /** The inputs: [I, R], and [R, O] with the scale in it and zeros where an adapter is not of the output. */
  readonly names: { readonly a: string; readonly b: string };
}

function joinedAdapters(config: ModelConfig, lora: LoraConfig): readonly JoinedAdapter[] {
  const ofWeight = new Map(adapters(config, lora).map((adapter) => [adapter.weight.name, adapter]));
  return multipliedWeights(config).flatMap((weight) => {
    let from = 0;
    const found = weight.parts.flatMap(({ name, shape }) => {
      const adapter = ofWeight.get(name);
      const start = from;
      from += shape[0]!; // a matrix
      return adapter ? [{ ...adapter, from: start }] : [];
    });
    const names = { a: `${weight.name}.lora_A`, b: `${weight.name}.lora_B` };
    return found.length === 0 ? [] : [{ weight, adapters: found, names }];
  });
}

/** `scale · (x_NI @ Aᵀ) @ Bᵀ` of each multiplied weight that has an adapter in one of its parts, by its name. Returns [N, O]. */
export function adapterProducts(config: ModelConfig, lora: LoraConfig): ReadonlyMap<string, (x_NI: Value) => Value> {
  return new Map(
    joinedAdapters(config, lora).map(({ weight, adapters: { length }, names }) => {
      const [O, I] = sizeOf(weight);
      const R = length * lora.rank;
      const [a_IR, b_RO] = [input(names.a, 'float32', [I, R]), input(names.b, 'float32', [R, O])];
      return [weight.name, (x_NI) => matMul(matMul(x_NI, a_IR), b_RO)];
    }),
  );
}

/**
 * The inputs of a generation graph with adapters. They are copies, made in pieces that leave the event loop free.
 *
 * @throws the reason of `signal`, within a piece of its abort.
 */
export async function joinAdapters(
  config: ModelConfig,
  { lora, weights }: LoraAdapters,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Readonly<Record<string, Tensor>>> {
  const scale = loraScale(lora);
  const inputs: Record<string, Tensor> = {};
  for (const { weight, adapters: parts, names } of joinedAdapters(config, lora)) {
    const [O, I] = sizeOf(weight);
    const R = parts.length * lora.rank;
    const [a_IR, b_RO] = [tensor('float32', [I, R]), tensor('float32', [R, O])];
    for (const [part, { a, b, weight: own, from }] of parts.entries()) {
      await nextTurn();
      signal?.throwIfAborted();
      const [a_rI, b_Or] = [weights[a.name]!, weights[b.name]!]; // all were given
      const first = part * lora.rank;
      transposeInto({ from: a_rI.data, numRows: lora.rank, to: a_IR.data, start: first, stride: R, factor: 1 });
      const numRows = own.shape[0]!; // a matrix
      transposeInto({ from: b_Or.data, numRows, to: b_RO.data, start: first * O + from, stride: O, factor: scale });
    }
    inputs[names.a] = a_IR;
    inputs[names.b] = b_RO;
  }
  return inputs;
}

interface Transposition {
  readonly from: Float32Array;
  readonly numRows: number;
  readonly to: Float32Array;
  /** Where its first column begins as a row, and how far from each other such rows begin. */
  readonly start: number;
  readonly stride: number;
  readonly factor: number;
}

function transposeInto({ from, numRows, to, start, stride, factor }: Transposition): void {
  const numColumns = from.length / numRows;
  for (let row = 0; row < numRows; row++) {
    for (let column = 0; column < numColumns; column++) {
      to[start + column * stride + row] = factor * from[row * numColumns + column]!;
    }
  }
}
