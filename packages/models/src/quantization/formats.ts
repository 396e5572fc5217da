import { blockFormat } from './block-format.ts';
import { int8 } from './int8.ts';
import type { Quantization } from './quantization.ts';
import type { QuantizedFormat } from './quantized-format.ts';

/** Every quantised form by its name. */
export const formats: Readonly<Record<Quantization, QuantizedFormat>> = {
  int8,
  'int8-blocks': blockFormat(8),
  int4: blockFormat(4),
};
