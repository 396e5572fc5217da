// O output width, I input width
import { dynamicQuantizeMatMul } from '@forge/onnx';
import { isOf } from '@forge/tensor';
import type { QuantizedFormat } from './quantized-format.ts';

/** Neighbouring outputs are neighbours in memory: so many are written together. */
const ROWS_TOGETHER = 32;

/** int8 [I, O] with a scale an output: `round(weight / scale)`, the largest of an output at ±127. */
export const int8: QuantizedFormat = {
  partsOf: (O, I) => ({ values: { dtype: 'int8', shape: [I, O] }, scales: { dtype: 'float32', shape: [O] } }),

  quantizeRows({ data: weight_OI, shape }, { values, scales }, from, to) {
    if (!isOf(values, 'int8') || !isOf(scales, 'float32')) throw new TypeError('It holds int8 and float32.');
    const [O, I] = shape as readonly [number, number]; // multiplied weights are matrices
    const { data: values_IO } = values;
    const factors = new Float64Array(ROWS_TOGETHER);
    for (let start = from; start < to; start += ROWS_TOGETHER) {
      const end = Math.min(start + ROWS_TOGETHER, to);
      for (let row = start; row < end; row++) {
        const largest = largestOf(weight_OI, row * I, (row + 1) * I);
        scales.data[row] = largest / 127;
        factors[row - start] = largest === 0 ? 0 : 127 / largest;
      }
      for (let at = 0; at < I; at++) {
        for (let row = start; row < end; row++) {
          values_IO[at * O + row] = Math.round(weight_OI[row * I + at]! * factors[row - start]!);
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
