import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LocatedTensor } from '../src/batch.ts';
import { packFound, unpackFound } from '../src/found-codec.ts';
import { anyDType } from './arbitraries.ts';

const located: fc.Arbitrary<LocatedTensor> = fc.nat(4).chain((rank) => {
  const numbers = fc.array(fc.nat(2 ** 40), { minLength: rank, maxLength: rank });
  const name = fc.string({ minLength: 1, maxLength: 3 });
  const part = fc.record({
    region: fc.record({ offset: numbers, size: numbers }),
    place: fc.record({ volume: name, segment: name, byteOffset: fc.maxSafeNat(), byteLength: fc.nat() }),
  });
  const fields = {
    key: fc.string(),
    generation: fc.maxSafeNat(),
    version: fc.option(fc.maxSafeNat(), { nil: undefined }),
    dtype: anyDType,
    shape: numbers,
    parts: fc.array(part, { maxLength: 4 }),
  };
  const lost = fc.array(name, { minLength: 1, maxLength: 2 });
  return fc.oneof(fc.record(fields), fc.record({ ...fields, lostVolumes: lost }));
});

test('what is packed comes back equal', () => {
  fc.assert(
    fc.property(fc.array(located, { maxLength: 5 }), (tensors) => {
      const found = { status: 'found', pin: 3, tensors, objects: [], structure: undefined } as const;
      expect(unpackFound(structuredClone(packFound(found)))).toEqual({ ...found, page: undefined });
    }),
    { numRuns: 300 },
  );
});
