import type { DType } from '@forge/tensor';
import { DTypeError } from './errors.ts';
import { type Operator, signatureOf } from './operators.ts';

const FLOATS: readonly DType[] = ['float16', 'bfloat16', 'float32', 'float64'];
const INTEGERS: readonly DType[] = ['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64'];

const CLASSES: Readonly<Record<string, readonly DType[]>> = {
  F: FLOATS,
  G: FLOATS,
  N: [...FLOATS, ...INTEGERS],
  T: [...FLOATS, ...INTEGERS, 'bool'],
  U: [...FLOATS, ...INTEGERS, 'bool'],
  B: ['bool'],
  I: ['int32', 'int64'],
  L: ['int64'],
  M: ['int32'],
  Q: ['int8', 'uint8'],
};

/** Whether a gradient can be taken of values of this dtype. */
export function isFloating(dtype: DType): boolean {
  return FLOATS.includes(dtype);
}

/**
 * Checks the dtypes of one application of `op` against its signature.
 *
 * @throws {DTypeError} when an operand is missing, one too many, or of a dtype that the operator does not take.
 */
export function checkSignature(op: Operator, inputs: readonly (DType | undefined)[], outputs: readonly DType[]): void {
  const [left = '', right = ''] = signatureOf(op).split('->');
  const bound = new Map<string, DType>();
  const reason = bind(left, inputs, bound) ?? bind(right, outputs, bound);
  if (reason !== undefined) throw new DTypeError(op, inputs, reason);
}

function bind(side: string, dtypes: readonly (DType | undefined)[], bound: Map<string, DType>): string | undefined {
  const places = side.trim().split(' ');
  const variadic = places.length === 1 && side.includes('*');
  if (!variadic && dtypes.length > places.length) return `it takes at most ${places.length} operands`;
  for (let i = 0; i < (variadic ? dtypes.length : places.length); i++) {
    const place = places[variadic ? 0 : i]!;
    const letter = place.charAt(0);
    const dtype = dtypes[i];
    if (dtype === undefined) {
      if (place.endsWith('?')) continue;
      return `operand ${i} is missing`;
    }
    const seen = bound.get(letter);
    if (seen !== undefined && seen !== dtype) return `operand ${i} must be ${seen}; cast it first`;
    if (!CLASSES[letter]!.includes(dtype)) return `operand ${i} must be one of ${CLASSES[letter]!.join(', ')}`;
    bound.set(letter, dtype);
  }
  return undefined;
}
