/**
 * Half floats as 16-bit patterns. Everything here works on bit patterns: a not-a-number that passed through a JavaScript
 * number could lose its payload, so no pattern ever does.
 */

const float32 = new Float32Array(1);
const float32Bits = new Uint32Array(float32.buffer);

/** The float16 pattern nearest to a float32 pattern, ties to even. */
function float16Pattern(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x38800000) {
    if (magnitude < 0x47800000) {
      // Normal: move the exponent from bias 127 to 15; rounding may carry up to infinity (0x7c00).
      return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
    }
    if (magnitude <= 0x7f800000) return sign | 0x7c00;
    const payload = (magnitude >>> 13) & 0x3ff;
    return sign | 0x7c00 | (payload === 0 ? 0x200 : payload);
  }
  const shift = 126 - (magnitude >>> 23);
  if (shift > 24) return sign;
  // Subnormal: the significand counted in units of 2^-24, the remainder decides the rounding.
  const significand = (magnitude & 0x7fffff) | 0x800000;
  const quotient = significand >>> shift;
  const remainder = significand & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (quotient + (remainder > half || (remainder === half && (quotient & 1) === 1) ? 1 : 0));
}

/** The float32 pattern equal to a float16 pattern. */
function patternOfFloat16(half: number): number {
  const sign = (half & 0x8000) << 16;
  const magnitude = half & 0x7fff;
  if (magnitude >= 0x7c00) return sign | 0x7f800000 | ((magnitude & 0x3ff) << 13);
  if (magnitude >= 0x400) return sign | ((magnitude << 13) + 0x38000000);
  if (magnitude === 0) return sign;
  const shift = Math.clz32(magnitude) - 21;
  return sign | ((113 - shift) << 23) | (((magnitude << shift) & 0x3ff) << 13);
}

/** The bfloat16 pattern nearest to a float32 pattern, ties to even. */
function bfloat16Pattern(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) {
    const upper = bits >>> 16;
    return (upper & 0x7f) === 0 ? upper | 0x40 : upper;
  }
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

const float32Of16 = new Uint32Array(1 << 16);
let isTableFilled = false;

/** All float16 patterns as float32 patterns: 256 KiB, which stays in the second-level cache. */
function tableOfFloat16(): Uint32Array {
  if (!isTableFilled) {
    for (let half = 0; half < float32Of16.length; half += 1) float32Of16[half] = patternOfFloat16(half);
    isTableFilled = true;
  }
  return float32Of16;
}

function wordsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

/** Rounds float32 values to float16 patterns (nearest, ties to even); writes to `target`. */
export function toFloat16(source: Float32Array, target: Uint16Array = new Uint16Array(source.length)): Uint16Array {
  const words = wordsOf(source);
  for (let index = 0; index < words.length; index += 1) target[index] = float16Pattern(words[index]!);
  return target;
}

/** Widens float16 patterns to the float32 values that they stand for; writes to `target`. */
export function fromFloat16(source: Uint16Array, target: Float32Array = new Float32Array(source.length)): Float32Array {
  const words = wordsOf(target);
  const table = tableOfFloat16();
  for (let index = 0; index < source.length; index += 1) words[index] = table[source[index]!]!;
  return target;
}

/** Rounds float32 values to bfloat16 patterns (nearest, ties to even); writes to `target`. */
export function toBfloat16(source: Float32Array, target: Uint16Array = new Uint16Array(source.length)): Uint16Array {
  const words = wordsOf(source);
  for (let index = 0; index < words.length; index += 1) target[index] = bfloat16Pattern(words[index]!);
  return target;
}

/** Widens bfloat16 patterns to the float32 values that they stand for; writes to `target`. */
export function fromBfloat16(
  source: Uint16Array,
  target: Float32Array = new Float32Array(source.length),
): Float32Array {
  const words = wordsOf(target);
  for (let index = 0; index < source.length; index += 1) words[index] = source[index]! << 16;
  return target;
}

/**
 * Rounds a double to float32 so that rounding the result again to a half float gives the half nearest to the double:
 * an inexact result gets an odd last bit ("round to odd"), which keeps it off every tie.
 */
export function roundToOdd(value: number): number {
  const rounded = Math.fround(value);
  if (rounded === value || !Number.isFinite(rounded)) return rounded;
  float32[0] = rounded;
  const bits = float32Bits[0]!;
  if ((bits & 1) === 1) return rounded;
  // The neighbour on the other side of `value` has the odd pattern; magnitudes order as their patterns do.
  const isBelow = rounded === 0 || Math.abs(rounded) < Math.abs(value);
  float32Bits[0] = isBelow ? bits + 1 : bits - 1;
  return float32[0];
}
