import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Batch, LocatedTensor } from '../src/batch.ts';
import { packBatch, unpackBatch } from '../src/batch-codec.ts';
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

const batch: fc.Arbitrary<Batch> = located.chain(({ key, dtype, parts, shape }) =>
  fc.record({
    session: fc.string(),
    name: fc.constant(key),
    digest: fc.string(),
    participant: fc.option(fc.record({ rank: fc.nat(), ranks: fc.nat() }), { nil: undefined }),
    version: fc.option(fc.maxSafeNat(), { nil: undefined }),
    transaction: fc.option(fc.nat(), { nil: undefined }),
    reservations: fc.array(fc.nat(), { maxLength: 2 }),
    objects: fc.constantFrom([], [{ key: 'o', bytes: new Uint8Array([1, 2]) }]),
    structure: fc.constantFrom(undefined, { kind: 'dict', entries: [['a', { kind: 'scalar', value: 1 }]] } as const),
    parts: fc.array(
      fc.uint8Array({ maxLength: 20 }).map((bytes) => {
        const [first] = parts;
        const part = { key, dtype, globalShape: shape, region: first?.region ?? { offset: shape, size: shape } };
        return bytes.length % 2 === 0
          ? { ...part, places: [], bytes }
          : { ...part, places: parts.map(({ place }) => place) };
      }),
      { maxLength: 4 },
    ),
  }),
);

test('a batch comes back equal, and the bytes of its pieces do not hold each other', () => {
  fc.assert(
    fc.property(batch, (sent) => {
      const got = unpackBatch(structuredClone(packBatch(sent)));
      expect(got).toEqual(sent);
      for (const { bytes } of got.parts) expect(bytes?.buffer.byteLength).toBe(bytes?.length);
    }),
    { numRuns: 300 },
  );
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
