import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cast, fromBfloat16, fromFloat16, tensor, toBfloat16, toFloat16 } from '../src/index.ts';

const allPatterns = Uint16Array.from({ length: 65536 }, (_, pattern) => pattern);

/** The value of a half float by the definition of the format. */
function valueOfPattern(
  pattern: number,
  { exponentBits, fractionBits }: { exponentBits: number; fractionBits: number },
): number {
  const sign = pattern >>> 15 === 1 ? -1 : 1;
  const exponent = (pattern >>> fractionBits) & (2 ** exponentBits - 1);
  const fraction = pattern & (2 ** fractionBits - 1);
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias - fractionBits);
  return sign * (1 + fraction / 2 ** fractionBits) * 2 ** (exponent - bias);
}

const formats = [
  { name: 'float16', exponentBits: 5, fractionBits: 10, encode: toFloat16, decode: fromFloat16 },
  { name: 'bfloat16', exponentBits: 8, fractionBits: 7, encode: toBfloat16, decode: fromBfloat16 },
] as const;

/** The nearest finite pattern or infinity by searching the definition, ties to the even pattern. */
function nearest(value: number, format: (typeof formats)[number]): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  const infinity = (2 ** format.exponentBits - 1) << format.fractionBits;
  let low = 0;
  let high = infinity;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (valueOfPattern(middle, format) <= magnitude) low = middle;
    else high = middle;
  }
  const below = valueOfPattern(low, format);
  // Beyond the largest finite value the next step of the grid stands for infinity.
  const above = high === infinity ? below + (below - valueOfPattern(low - 1, format)) : valueOfPattern(high, format);
  if (magnitude === Infinity) return sign | infinity;
  const toBelow = magnitude - below;
  const toAbove = above - magnitude;
  if (toBelow === toAbove) return sign | (low % 2 === 0 ? low : high);
  return sign | (toBelow < toAbove ? low : high);
}

describe.each(formats)('$name', (format) => {
  test('every pattern has the value that the format defines', () => {
    const values = format.decode(allPatterns);
    for (const pattern of allPatterns)
      expect(values[pattern], `0x${pattern.toString(16)}`).toBe(valueOfPattern(pattern, format));
  });

  test('every pattern survives a round trip, payloads of not-a-numbers included', () => {
    expect(format.encode(format.decode(allPatterns))).toEqual(allPatterns);
  });

  test('the midpoint of any two neighbours goes to the even one, and a hair beside it to the nearer one', () => {
    const values = format.decode(allPatterns);
    const below = new Float32Array(1);
    const bits = new Uint32Array(below.buffer);
    const infinity = (2 ** format.exponentBits - 1) << format.fractionBits;
    for (let pattern = 0; pattern < infinity - 1; pattern += 1) {
      const midpoint = (values[pattern]! + values[pattern + 1]!) / 2;
      if (Math.fround(midpoint) !== midpoint) continue;
      below[0] = midpoint;
      bits[0]! -= 1;
      const beneath = below[0];
      bits[0]! += 2;
      const [tie, low, high] = format.encode(Float32Array.of(midpoint, beneath, below[0]));
      expect([tie, low, high]).toEqual([pattern % 2 === 0 ? pattern : pattern + 1, pattern, pattern + 1]);
    }
  });

  test('any float32 pattern goes to the nearest half', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), (word) => {
        const value = new Float32Array(Uint32Array.of(word).buffer);
        const [pattern] = format.encode(value);
        if (Number.isNaN(value[0])) expect(valueOfPattern(pattern!, format)).toBeNaN();
        else expect(pattern).toBe(nearest(value[0]!, format));
      }),
      { numRuns: 3000 },
    );
  });

  test('a double is rounded once, not by way of float32', () => {
    // Just above the tie between 1 and its upper neighbour; float32 would drop the 2^-40 and round the tie down.
    const step = 2 ** -format.fractionBits;
    const value = 1 + step / 2 + 2 ** -40;
    const [pattern] = cast(tensor('float64', [1], Float64Array.of(value)), format.name).data;
    expect(pattern).toBe(nearest(value, format));
    expect(valueOfPattern(pattern!, format)).toBe(1 + step);
  });

  test('any double goes to the nearest half', () => {
    fc.assert(
      fc.property(fc.double({ min: -70000, max: 70000, noNaN: true }), (value) => {
        const [pattern] = cast(tensor('float64', [1], Float64Array.of(value)), format.name).data;
        expect(pattern).toBe(nearest(value, format));
      }),
      { numRuns: 2000 },
    );
  });
});
