// O output width, I input width, R rows of a weight, K blocks of a row, W weights of a block
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
  neg,
  pad,
  reduceMax,
  reduceMin,
  reshape,
  round,
  squeeze,
  where,
} from '@forge/onnx';
import { tensor } from '@forge/tensor';
import type { QuantizedFormat } from './quantized-format.ts';

/** Inputs that share a scale, as in most models of 4 bit (GPTQ, AWQ): products are a fifth faster than with 32. */
const BLOCK = 128;

/** 4 bits are -8 … 7, stored as 0 … 15. */
const [LEAST, MOST] = [-8, 7];

/** Two neighbouring numbers to their byte, [W, W / 2]: the first one in the low half. */
const TO_BYTES = constant(
  tensor(
    'float32',
    [BLOCK, BLOCK / 2],
    Float32Array.from({ length: BLOCK * (BLOCK / 2) }, (_, at) => {
      const [number, byte] = [Math.floor(at / (BLOCK / 2)), at % (BLOCK / 2)];
      return number >> 1 === byte ? (number % 2 === 0 ? 1 : 16) : 0;
    }),
  ),
);

/**
 * uint8 [O, K, W / 2] with a scale a block: `round(weight / scale)`, the largest of a block at -8, so that all 16
 * numbers are of use. What lies at the other end, beyond 7.5, is cut off to 7: wrong by up to one scale, all else by half.
 *
 * Source: `Q4_0` of llama.cpp, `quantize_row_q4_0_ref`.
 */
export const int4: QuantizedFormat = {
  partsOf(O, I) {
    const K = Math.ceil(I / BLOCK);
    return {
      values: { dtype: 'uint8', shape: [O, K, BLOCK / 2], outputAxis: 0 },
      scales: { dtype: 'float32', shape: [O, K], outputAxis: 0 },
    };
  },

  quantize(weight_RI) {
    const I = Number(weight_RI.shape[1]); // rows are symbolic, their width is not
    const K = Math.ceil(I / BLOCK);
    const blocks_RKW = reshape(pad(weight_RI, { axis: 1, after: K * BLOCK - I }), [-1, K, BLOCK]);
    const [most_RK1, least_RK1] = [
      reduceMax(blocks_RKW, [2], { keepDims: true }),
      reduceMin(blocks_RKW, [2], { keepDims: true }),
    ];
    const largest_RK1 = where(greaterOrEqual(most_RK1, neg(least_RK1)), most_RK1, least_RK1);
    const factor_RK1 = where(equal(largest_RK1, 0), 0, div(LEAST, largest_RK1));
    const numbers_RKW = min(round(mul(blocks_RKW, factor_RK1)), MOST);
    const bytes_RKB = add(matMul(numbers_RKW, TO_BYTES), -LEAST * 17); // exact: a byte of float32 is
    return { values: cast(bytes_RKB, 'uint8'), scales: squeeze(div(largest_RK1, LEAST), [2]) };
  },

  product: (x_NI, { values, scales }) => matMulNBits(x_NI, values, scales, { bits: 4, blockSize: BLOCK }),
};
