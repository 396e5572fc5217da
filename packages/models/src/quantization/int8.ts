// O output width, I input width
import { dynamicQuantizeMatMul } from '@forge/onnx';
import { isOf } from '@forge/tensor';
import type { QuantizedFormat } from './quantized-format.ts';

/** Neighbouring outputs are neighbours in memory: so many are written together. */
const ROWS_TOGETHER = 32;

/** int8 [I, O] with a scale an output: `round(weight / scale)`, the largest of an output at ±127. */
export const int8: QuantizedFormat = {
  partsOf: (O, I) => ({ values: { dtype: 'int8', shape: [I, O] }, scales: { dtype: 'float32', shape: [O] } }),

  quantizeRows({ data: weight_OI, shape }, { from, to, at: targetRow }, { values, scales }) {
    if (!isOf(values, 'int8') || !isOf(scales, 'float32')) throw new TypeError('It holds int8 and float32.');
    const I = shape[1]!; // multiplied weights are matrices
    const O = scales.data.length;
    const { data: values_IO } = values;
    const factors = new Float64Array(ROWS_TOGETHER);
    for (let start = from; start < to; start += ROWS_TOGETHER) {
      const numRows = Math.min(ROWS_TOGETHER, to - start);
      const target = targetRow + start - from;
      for (let row = 0; row < numRows; row++) {
        const largest = largestOf(weight_OI, (start + row) * I, (start + row + 1) * I);
        scales.data[target + row] = largest / 127;
        factors[row] = largest === 0 ? 0 : 127 / largest;
      }
      for (let i = 0; i < I; i++) {
        for (let row = 0; row < numRows; row++) {
          values_IO[i * O + target + row] = Math.round(weight_OI[(start + row) * I + i]! * factors[row]!);
        }
      }
    }
  },

  product: (x_NI, { values, scales }) => dynamicQuantizeMatMul(x_NI, values, scales),
};

function largestOf(values: Float32Array, from: number, to: number): number {
  let largest = 0;
  for (let at = from; at < to; at++) {
    const size = Math.abs(values[at]!);
    if (size > largest) largest = size;
  }
  return largest;
}
