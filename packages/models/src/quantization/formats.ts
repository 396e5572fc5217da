import { blockFormat } from './block-format.ts';
import { int8 } from './int8.ts';
import type { Quantization } from './quantization.ts';
import type { QuantizedFormat } from './quantized-format.ts';

/**
 * Every quantised form by its name. Blocks of 128 are those of most models of 4 bit (GPTQ, AWQ), and a fifth faster than of
 * 32; of 8 bit, whose scales may be coarser, the largest that onnxruntime has.
 */
export const formats: Readonly<Record<Quantization, QuantizedFormat>> = {
  int8,
  'int8-blocks': blockFormat({ bits: 8, blockSize: 256 }),
  int4: blockFormat({ bits: 4, blockSize: 128 }),
};
