import { int4 } from './int4.ts';
import { int8 } from './int8.ts';
import type { Quantization } from './quantization.ts';
import type { QuantizedFormat } from './quantized-format.ts';

/** Every quantised form by its name. */
export const formats: Readonly<Record<Quantization, QuantizedFormat>> = { int8, int4 };
