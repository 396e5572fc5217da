// O output width, I input width, R rows of a weight, K blocks of a row, W weights of a block, B bytes of a block
import {
  add,
  cast,
  constant,
  div,
  equal,
  greaterOrEqual,
  matMul,
  matMulNBits,
  min,
  mul,
  type NBits,
  neg,
  pad,
  reduceMax,
  reduceMin,
  reshape,
  round,
  squeeze,
  type Value,
  where,
} from '@forge/onnx';
import { tensor } from '@forge/tensor';
import type { QuantizedFormat } from './quantized-format.ts';

/**
 * uint8 [O, K, W · bits / 8] with a scale a block: `round(weight / scale)`, the largest of a block at the least number, so
 * that all numbers are of use. What lies at the other end, beyond the largest number, is cut off: wrong by up to one
 * scale, all else by half. Activations are quantised by the same blocks, so rows do not depend on each other.
 *
 * Source: `Q4_0` of llama.cpp, `quantize_row_q4_0_ref`.
 */
export function blockFormat({ bits, blockSize: W }: NBits): QuantizedFormat {
  const least = -(2 ** (bits - 1)); // stored as 0
  const bytesPerBlock = (W * bits) / 8;
  return {
    partsOf(O, I) {
      const K = Math.ceil(I / W);
      return {
        values: { dtype: 'uint8', shape: [O, K, bytesPerBlock], outputAxis: 0 },
        scales: { dtype: 'float32', shape: [O, K], outputAxis: 0 },
      };
    },

    quantize(weight_RI) {
      const I = Number(weight_RI.shape[1]); // rows are symbolic, their width is not
      const K = Math.ceil(I / W);
      const blocks_RKW = reshape(pad(weight_RI, { axis: 1, after: K * W - I }), [-1, K, W]);
      const [most_RK1, least_RK1] = [
        reduceMax(blocks_RKW, [2], { keepDims: true }),
        reduceMin(blocks_RKW, [2], { keepDims: true }),
      ];
      const largest_RK1 = where(greaterOrEqual(most_RK1, neg(least_RK1)), most_RK1, least_RK1);
      const factor_RK1 = where(equal(largest_RK1, 0), 0, div(least, largest_RK1));
      const numbers_RKW = min(round(mul(blocks_RKW, factor_RK1)), -least - 1);
      const values = bits === 8 ? cast(add(numbers_RKW, -least), 'uint8') : pairsToBytes(numbers_RKW, W);
      return { values, scales: squeeze(div(largest_RK1, least), [2]) };
    },

    product: (x_NI, { values, scales }) => matMulNBits(x_NI, values, scales, { bits, blockSize: W }),
  };
}

/** Numbers [R, K, W] from -8 to 7 as bytes, two in one: the first in the low half. Returns uint8 [R, K, W / 2]. */
function pairsToBytes(numbers_RKW: Value, W: number): Value {
  return cast(add(matMul(numbers_RKW, toBytes(W)), 8 * 17), 'uint8'); // exact: a byte of float32 is
}

/** Two neighbouring numbers to their byte, [W, W / 2]. */
function toBytes(W: number): Value {
  const factors = Float32Array.from({ length: W * (W / 2) }, (_, at) => {
    const [number, byte] = [Math.floor(at / (W / 2)), at % (W / 2)];
    return number >> 1 === byte ? (number % 2 === 0 ? 1 : 16) : 0;
  });
  return constant(tensor('float32', [W, W / 2], factors));
}
