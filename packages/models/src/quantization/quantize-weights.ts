// O output width, I input width, G groups of a row
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Tensor, tensor } from '@forge/tensor';
import type { ModelConfig } from '../config.ts';
import type { Weights } from '../weights.ts';
import { GROUP_SIZE, multipliedParameters, type Quantization, quantizedNames } from './quantization.ts';

/** About half a millisecond: whoever else runs in the process is not kept waiting. */
const ELEMENTS_PER_TURN = 1 << 17;

/**
 * The inputs of a quantised generation graph: quantised forms of the weights that are multiplied, and the others as they
 * are. Rounds to nearest. Leaves the event loop free: the work is done in pieces.
 */
export async function quantizeWeights(
  config: ModelConfig,
  weights: Weights,
  quantization: Quantization,
): Promise<Readonly<Record<string, Tensor>>> {
  const multiplied = new Set(multipliedParameters(config).map(({ name }) => name));
  const quantized: Record<string, Tensor> = {};
  for (const [name, weight] of Object.entries(weights)) {
    // A tied embedding is looked up, too.
    if (!multiplied.has(name) || name === 'model.embed_tokens.weight') quantized[name] = weight;
    if (!multiplied.has(name)) continue;
    const [O, I] = weight.shape as readonly [number, number]; // multiplied weights are matrices
    const { values, scales, quantizeRow } = forms[quantization](weight.data, O, I);
    const rowsPerTurn = Math.max(1, Math.floor(ELEMENTS_PER_TURN / I));
    for (let row = 0; row < O; row++) {
      if (row % rowsPerTurn === 0) await nextTurn();
      quantizeRow(row);
    }
    const names = quantizedNames(name, quantization);
    quantized[names.values] = values;
    quantized[names.scales] = scales;
  }
  return quantized;
}

interface Form {
  readonly values: Tensor;
  readonly scales: Tensor;
  /** Fills in one output. */
  readonly quantizeRow: (row: number) => void;
}

const forms: Readonly<Record<Quantization, (weight_OI: Float32Array, O: number, I: number) => Form>> = {
  int8(weight_OI, O, I) {
    const values_IO = new Int8Array(I * O);
    const scales_O = new Float32Array(O);
    return {
      values: tensor('int8', [I, O], values_IO),
      scales: tensor('float32', [O], scales_O),
      quantizeRow(row) {
        let largest = 0;
        for (let at = 0; at < I; at++) largest = Math.max(largest, Math.abs(weight_OI[row * I + at]!));
        scales_O[row] = largest / 127;
        const factor = largest === 0 ? 0 : 127 / largest;
        for (let at = 0; at < I; at++) values_IO[at * O + row] = Math.round(weight_OI[row * I + at]! * factor);
      },
    };
  },
  int4(weight_OI, O, I) {
    const G = Math.ceil(I / GROUP_SIZE);
    const half = GROUP_SIZE / 2;
    const values_OGH = new Uint8Array(O * G * half).fill(0x88); // what fills up the last group is 0
    const scales_OG = new Float32Array(O * G);
    return {
      values: tensor('uint8', [O, G, half], values_OGH),
      scales: tensor('float32', [O * G], scales_OG),
      quantizeRow(row) {
        for (let group = 0; group < G; group++) {
          const first = group * GROUP_SIZE;
          const size = Math.min(GROUP_SIZE, I - first);
          let extreme = 0;
          for (let at = 0; at < size; at++) {
            const value = weight_OI[row * I + first + at]!;
            if (Math.abs(value) > Math.abs(extreme)) extreme = value;
          }
          // Four bits reach from -8 to 7: the extreme becomes -8, whatever its sign. Source: ggml's Q4_0.
          const scale = extreme / -8;
          const factor = scale === 0 ? 0 : 1 / scale;
          scales_OG[row * G + group] = scale;
          const start = (row * G + group) * half;
          for (let at = 0; at < size; at++) {
            const value = Math.min(15, Math.round(weight_OI[row * I + first + at]! * factor) + 8);
            const byte = start + (at >> 1);
            values_OGH[byte] =
              at % 2 === 0 ? (values_OGH[byte]! & 0xf0) | value : (values_OGH[byte]! & 0x0f) | (value << 4);
          }
        }
      },
    };
  },
};
