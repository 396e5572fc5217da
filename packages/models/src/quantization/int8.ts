// O output width, I input width, R rows of a weight
import {
  abs,
  cast,
  div,
  dynamicQuantizeMatMul,
  equal,
  mul,
  reduceMax,
  reshape,
  round,
  transpose,
  where,
} from '@forge/onnx';
import type { QuantizedFormat } from './quantized-format.ts';

/** int8 [I, O] with a scale an output: `round(weight / scale)`, the largest of an output at ±127. */
export const int8: QuantizedFormat = {
  partsOf: (O, I) => ({
    values: { dtype: 'int8', shape: [I, O], outputAxis: 1 },
    scales: { dtype: 'float32', shape: [O], outputAxis: 0 },
  }),

  quantize(weight_RI) {
    const largest_R1 = reduceMax(abs(weight_RI), [1], { keepDims: true });
    const factor_R1 = where(equal(largest_R1, 0), 0, div(127, largest_R1));
    const values_RI = cast(round(mul(weight_RI, factor_R1)), 'int8');
    return { values: transpose(values_RI, [1, 0]), scales: reshape(div(largest_R1, 127), [-1]) };
  },

  product: (x_NI, { values, scales }) => dynamicQuantizeMatMul(x_NI, values, scales),
};
