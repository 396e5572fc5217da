import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ActorError, MeshFailure } from '../../src/errors.ts';
import { extentOf } from '../../src/mesh/extent.ts';
import { Values } from '../../src/mesh/value-mesh.ts';
import { decode, encode } from '../../src/wire/codec.ts';
import { unsendable } from '../../src/wire/lower.ts';

const views = fc.oneof(
  fc.float32Array({ maxLength: 20 }),
  fc.float64Array({ maxLength: 20 }),
  fc.int8Array({ maxLength: 20 }),
  fc.uint16Array({ maxLength: 20 }),
  fc.bigInt64Array({ maxLength: 20 }),
);
const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withNullPrototype: false,
  withSparseArray: false,
});
const keyed = fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), anything, { noNullPrototype: true });
const value = fc.oneof(anything, keyed, views, fc.string({ unit: 'binary' }));
const roundTrip = (sent: unknown) => decode(encode(sent));

describe('the codec', () => {
  test('gives back every structured value', () => {
    const survives = fc.property(value, (sent) => {
      expect(roundTrip(sent)).toStrictEqual(sent);
    });
    fc.assert(survives, { numRuns: 500 });
  });

  test('keeps what JSON loses', () => {
    const sent = [
      undefined,
      -0,
      Number.NaN,
      Number.NEGATIVE_INFINITY,
      '\ud800 lone',
      2n ** 70n,
      -1n,
      new Date(Number.NaN),
    ];
    expect(roundTrip(sent)).toStrictEqual(sent);
    expect(Object.is((roundTrip(sent) as number[])[1], -0)).toBe(true);
  });

  test('sends a mesh of values with its shape and whatever the values hold', () => {
    const sent = new Values(extentOf({ host: 2 }), [new Float32Array([1.5]), new Map([['a', 1n]])]);
    const arrived = roundTrip({ sent }) as { sent: Values<unknown, 'host'> };
    expect(arrived.sent).toBeInstanceOf(Values);
    expect([arrived.sent.extent, arrived.sent.toArray()]).toStrictEqual([sent.extent, sent.toArray()]);
  });

  test('refuses a promise, and says what to do', () => {
    expect(() => encode({ a: [Promise.resolve(1)] })).toThrow(/\.a\[0\].*Await it first/);
  });

  test('sends of a view only what it shows, and gives a Buffer back as bytes', () => {
    const whole = new Float32Array([1, 2, 3, 4]);
    const payload = encode(whole.subarray(1, 3));
    expect(payload.buffers[0]).toHaveLength(8);
    expect(decode(payload)).toStrictEqual(new Float32Array([2, 3]));
    expect(roundTrip(Buffer.from('ab'))).toStrictEqual(new Uint8Array([97, 98]));
  });

  test('a snapshot does not see later writes; a transferred buffer is moved without a copy', () => {
    const data = new Int32Array([1, 2, 3]);
    const snapshot = encode(data);
    data.fill(0);
    expect(decode(snapshot)).toStrictEqual(new Int32Array([1, 2, 3]));
    const views = [new Uint8Array(data.buffer, 4), data];
    const moved = decode(encode(views, { transfer: [data.buffer] })) as [Uint8Array, Int32Array];
    expect(data.byteLength).toBe(0);
    expect(moved[0].buffer).toBe(moved[1].buffer);
  });

  test('a refused value detaches nothing', () => {
    const data = new Uint8Array(4);
    expect(() => encode([data, () => 1], { transfer: [data.buffer] })).toThrow(/\[1\].*function/);
    expect(data.byteLength).toBe(4);
  });

  test.each([
    ['a function', { deep: [() => 1] }, '.deep[0]'],
    ['a symbol', { s: Symbol('x') }, '.s'],
    ['a class instance', [new (class Weights {})()], '[0]'],
    ['a promise', { p: Promise.resolve() }, '.p'],
    ['shared memory', [new Uint8Array(new SharedArrayBuffer(4))], '[0]'],
  ])('refuses %s, naming its path', (_, sent, path) => {
    expect(() => encode(sent)).toThrow(expect.objectContaining({ code: 'ERR_MONARCH_UNSENDABLE', path }));
  });

  test('refuses what says that it cannot be sent, with its reason', () => {
    const tied = Object.defineProperty({ name: 'tied' }, unsendable, {
      value: 'it is tied to its process. Send a copy.',
    });
    expect(() => encode([{ deep: tied }])).toThrow(
      expect.objectContaining({
        code: 'ERR_MONARCH_UNSENDABLE',
        message: 'The value at [0].deep cannot be sent: it is tied to its process. Send a copy.',
      }),
    );
  });

  test('refuses a cycle', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => encode(cycle)).toThrow(/a cycle/);
  });

  test('rebuilds errors with what they carry', () => {
    const cause = new AggregateError([new TypeError('t'), 'text'], 'several');
    const error = Object.assign(new RangeError('far', { cause }), { code: 'E_FAR', limit: 3, open: () => 1 });
    const arrived = roundTrip(error) as typeof error;
    expect(arrived).toBeInstanceOf(RangeError);
    expect(arrived).toMatchObject({ name: 'RangeError', message: 'far', code: 'E_FAR', limit: 3, stack: error.stack });
    expect(arrived.open).toBe('[Function: open]');
    expect(arrived.cause).toBeInstanceOf(AggregateError);
    expect((arrived.cause as AggregateError).errors[0]).toBeInstanceOf(TypeError);
  });

  test('rebuilds failures, their points and their chain', () => {
    const point = extentOf({ host: 2, gpu: 4 }).point(5);
    const cause = new ActorError('trainer', point, 'step', new Error('nan'));
    const failure = new MeshFailure({ mesh: 'trainer', points: [point], kind: 'exception', problem: 'failed', cause });
    const arrived = roundTrip(failure) as MeshFailure;
    expect(arrived).toBeInstanceOf(MeshFailure);
    expect(arrived).toMatchObject({ code: 'ERR_MONARCH_MESH', mesh: 'trainer', kind: 'exception', chain: [] });
    expect(arrived.points[0]?.at('gpu')).toBe(1);
    expect((arrived.cause as ActorError).point.at('host')).toBe(1);
  });

  test('an endless chain of causes is cut, and still arrives', () => {
    const error: Error = new Error('round');
    error.cause = error;
    expect(roundTrip(error)).toMatchObject({ message: 'round', cause: { message: 'round' } });
  });

  test.each([
    ['nesting without end', new Uint8Array(100_000).fill(0x91), /deeper than 500/],
    [
      'maps in maps without end',
      Uint8Array.from({ length: 90_000 }, (_, i) => [0x81, 0xa1, 0x61][i % 3]!),
      /deeper than 500/,
    ],
    [
      'a list longer than its bytes',
      Uint8Array.of(0x91, 0xdd, 0xff, 0xff, 0xff, 0xff),
      /4294967295 values are announced/,
    ],
    ['a text longer than its bytes', Uint8Array.of(0x91, 0xdb, 0xff, 0xff, 0xff, 0xff), /4294967295 are announced/],
    ['a record definition', Uint8Array.of(0x91, 0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x01), /extension/],
    [
      'an extension with code',
      Uint8Array.of(0x91, 0xc7, 0x04, 0x78, 0x92, 0xa1, 0x2e, 0xa0),
      /199 .* is no kind of value/,
    ],
    ['a timestamp', Uint8Array.of(0x91, 0xd6, 0xff, 0, 0, 0, 0), /214 .* is no kind of value/],
    ['raw bytes', Uint8Array.of(0x91, 0xc4, 0x01, 0x00), /196 .* is no kind of value/],
    ['a prototype', Uint8Array.of(0x91, 0x81, 0xa9, ...Buffer.from('__proto__'), 0x80), /a key/],
    ['a key that is no text', Uint8Array.of(0x91, 0x81, 0x01, 0x01), /a key/],
    ['bytes left over', Uint8Array.of(0x91, 0x01, 0x01), /1 are left over/],
  ])('refuses %s, which no sender of values makes', (_, bytes, problem) => {
    expect(() => decode({ bytes, buffers: [] })).toThrow(
      expect.objectContaining({ code: 'ERR_MONARCH_DECODE', message: expect.stringMatching(problem) }),
    );
  });

  test('what is nested as deep as may be sent arrives', () => {
    let deep: unknown = 'bottom';
    for (let i = 0; i < 499; i++) deep = i % 2 === 0 ? [deep] : { deep };
    expect(roundTrip(deep)).toStrictEqual(deep);
    const error = Object.assign(new Error('far'), { deep: [deep] });
    expect(roundTrip([error])).toMatchObject([{ message: 'far' }]);
  });

  test('any damage is an error, never a crash', () => {
    fc.assert(
      fc.property(value, fc.nat(), fc.nat(255), (sent, at, byte) => {
        const { bytes, buffers } = encode(sent);
        const damaged = bytes.slice();
        damaged[at % damaged.length] = byte;
        try {
          decode({ bytes: damaged, buffers });
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_MONARCH_DECODE' });
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
