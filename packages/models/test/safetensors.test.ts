import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesOf, bytesPerElement, dtypes, type Tensor, tensor } from '@forge/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ModelFileError, openSafetensors, readSafetensors, SafetensorsError, writeSafetensors } from '../src/index.ts';
import { goldenFolder, temporaryFolder } from './temporary-folder.ts';

const MODELS = ['qwen3_tied', 'qwen3_untied', 'qwen2', 'llama', 'llama3_rope', 'qwen3_tied_bf16'];

test.each(MODELS)('%s read and written again has the bytes that PyTorch wrote', async (model) => {
  const source = join(goldenFolder(model), 'model.safetensors');
  const target = join(await temporaryFolder(), 'model.safetensors');
  await writeSafetensors(target, await readSafetensors(source));
  expect(await readFile(target)).toEqual(await readFile(source));
});

const anyTensor: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(...dtypes), fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }))
  .chain(([dtype, shape]) => {
    const length = shape.reduce((product, size) => product * size, bytesPerElement(dtype));
    return fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => {
      const made = tensor(dtype, shape);
      bytesOf(made).set(bytes);
      return made;
    });
  });

test('what is written is read back, bit for bit, for every dtype and shape', async () => {
  const file = join(await temporaryFolder(), 'any.safetensors');
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.stringMatching(/^[a-z.0-9é]{1,12}$/), anyTensor), async (tensors) => {
      await writeSafetensors(file, tensors);
      const read = await readSafetensors(file);
      expect(Object.keys(read).toSorted()).toEqual(Object.keys(tensors).toSorted());
      for (const [name, { dtype, shape }] of Object.entries(tensors)) {
        expect(read[name]).toMatchObject({ dtype, shape });
        expect(bytesOf(read[name]!)).toEqual(bytesOf(tensors[name]!));
      }
    }),
    { numRuns: 60 },
  );
});

test('the order of the tensors does not change the bytes', async () => {
  const folder = await temporaryFolder();
  const a = tensor('float32', [2], Float32Array.of(1, 2));
  const b = tensor('bfloat16', [1], Uint16Array.of(7));
  await writeSafetensors(join(folder, 'ab'), { a, b });
  await writeSafetensors(join(folder, 'ba'), { b, a });
  expect(await readFile(join(folder, 'ab'))).toEqual(await readFile(join(folder, 'ba')));
  expect(await readdir(folder)).toEqual(['ab', 'ba']);
});

test('tensors are converted while they are read and written', async () => {
  const file = join(await temporaryFolder(), 'half.safetensors');
  // More elements than one piece of the conversion holds.
  const count = (1 << 22) + 3;
  const values = tensor(
    'float32',
    [count],
    new Float32Array(count).map((_, index) => (index % 256) - 128),
  );
  await writeSafetensors(file, { values }, { dtype: 'bfloat16' });
  await using source = await openSafetensors(file);
  expect(source.entries.get('values')?.dtype).toBe('bfloat16');
  expect((await source.read('values', { dtype: 'float32' })).data).toEqual(values.data);
});

test('a tensor may be called as a property of every object is', async () => {
  const file = join(await temporaryFolder(), 'names.safetensors');
  const header = JSON.stringify({ __proto__0: { dtype: 'U8', shape: [1], data_offsets: [0, 1] } }).replace(
    '__proto__0',
    '__proto__',
  );
  const bytes = new Uint8Array(8 + header.length + 1);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(new TextEncoder().encode(header), 8);
  await writeFile(file, bytes);
  expect(Object.entries(await readSafetensors(file)).map(([name, { shape }]) => [name, shape])).toEqual([
    ['__proto__', [1]],
  ]);
});

describe('a hostile file is refused, or read as what it says', () => {
  /** Whatever the bytes: a typed error, or tensors that are no larger than the file. */
  async function feed(bytes: Uint8Array): Promise<void> {
    const file = join(await temporaryFolder(), 'hostile.safetensors');
    await writeFile(file, bytes);
    try {
      for (const tensor of Object.values(await readSafetensors(file))) {
        expect(bytesOf(tensor).length).toBeLessThanOrEqual(bytes.length);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(SafetensorsError);
      expect((error as SafetensorsError).message.length).toBeLessThan(600);
    }
  }

  function withHeader(header: string, data = new Uint8Array(16)): Uint8Array {
    const json = new TextEncoder().encode(header);
    const bytes = new Uint8Array(8 + json.length + data.length);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
    bytes.set(json, 8);
    bytes.set(data, 8 + json.length);
    return bytes;
  }

  test('of any bytes', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), feed), { numRuns: 100 });
  });

  test('with any JSON as its header', async () => {
    const header = fc.oneof(
      fc.json(),
      fc.dictionary(fc.string(), fc.jsonValue()).map((json) => JSON.stringify(json)),
    );
    await fc.assert(
      fc.asyncProperty(header, (json) => feed(withHeader(json))),
      { numRuns: 150 },
    );
  });

  test('with entries that almost fit', async () => {
    const size = fc.oneof(fc.nat(4), fc.constantFrom(-1, 0.5, 2 ** 31, 2 ** 53 - 1, 2 ** 53, 1e308, null));
    const entry = fc.record({
      dtype: fc.constantFrom('F32', 'U8', 'BF16', 'I64', 'F8_E4M3', '__proto__', 7),
      shape: fc.oneof(fc.array(size, { maxLength: 10 }), fc.constant({ length: 2 })),
      data_offsets: fc.oneof(fc.tuple(size, size), fc.array(size), fc.constant('0,8')),
    });
    const header = fc.dictionary(fc.constantFrom('a', 'b', '__proto__', '__metadata__', 'constructor'), entry);
    await fc.assert(
      fc.asyncProperty(header, (json) => feed(withHeader(JSON.stringify(json)))),
      { numRuns: 300 },
    );
  });

  test('with one byte of a good file changed', async () => {
    const file = join(await temporaryFolder(), 'good.safetensors');
    await writeSafetensors(file, { a: tensor('float32', [3]), b: tensor('int8', [5]) }, { metadata: { format: 'pt' } });
    const good = await readFile(file);
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
        const changed = Uint8Array.from(good);
        changed[at] = value;
        return feed(changed);
      }),
      { numRuns: 300 },
    );
  });

  test('with JSON that would take far more memory than the file', async () => {
    const before = process.resourceUsage().maxRSS;
    const size = 30_000_000;
    await feed(withHeader('['.repeat(size)));
    await feed(withHeader('{"":'.repeat(size / 4)));
    await feed(withHeader(`{"a":[${'1,'.repeat(size / 2)}1]}`));
    // Read whole these are gigabytes; the files themselves are 30 MB, held a few times over.
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(700 * 1024);
  });

  test('with nesting deeper than a stack, or an entry longer than a message', async () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    await feed(withHeader(`{"a":{"dtype":"F32","shape":${deep},"data_offsets":[0,16]}}`));
    await feed(withHeader(`{"a":${deep}}`));
    await feed(
      withHeader(`{"${'a'.repeat(100)}":{"dtype":"F32","shape":[${'1,'.repeat(500_000)}1],"data_offsets":[0,16]}}`),
    );
  });
});

describe('malformed files', () => {
  const entry = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };

  async function write(header: unknown, dataBytes = 8): Promise<string> {
    const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
    const bytes = new Uint8Array(8 + json.length + dataBytes);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
    bytes.set(json, 8);
    const file = join(await temporaryFolder(), 'broken.safetensors');
    await writeFile(file, bytes);
    return file;
  }

  const cases: readonly (readonly [string, string | undefined, unknown])[] = [
    ['a header that is not JSON', undefined, '{"a": '],
    ['a header that is a list', undefined, []],
    ['an entry that is not an object', 'a', { a: 1 }],
    ['an unknown dtype', 'a', { a: { ...entry, dtype: 'F4' } }],
    ['a negative size', 'a', { a: { ...entry, shape: [-2] } }],
    ['a size that is not whole', 'a', { a: { ...entry, shape: [1.5] } }],
    ['too many dimensions', 'a', { a: { ...entry, shape: [2, 1, 1, 1, 1, 1, 1, 1, 1] } }],
    ['offsets that do not fit the shape', 'a', { a: { ...entry, data_offsets: [0, 4] } }],
    ['offsets in reverse', 'a', { a: { ...entry, data_offsets: [8, 0] } }],
    ['data beyond the end of the file', 'a', { a: { ...entry, shape: [4], data_offsets: [0, 16] } }],
    ['a gap before a tensor', 'a', { a: { ...entry, shape: [1], data_offsets: [4, 8] } }],
    ['two tensors that overlap', 'b', { a: entry, b: { ...entry, shape: [1], data_offsets: [4, 8] } }],
    ['bytes that belong to no tensor', undefined, { a: { ...entry, shape: [1], data_offsets: [0, 4] } }],
    ['metadata that is not text', undefined, { __metadata__: { step: 1 }, a: entry }],
  ];

  test.each(cases)('%s is refused by file and tensor', async (_, tensorName, header) => {
    const file = await write(header);
    const error = await readSafetensors(file).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(SafetensorsError);
    expect(error).toMatchObject({ code: 'ERR_MODELS_SAFETENSORS', file, tensor: tensorName });
  });

  test('a header longer than the file is refused before it is read', async () => {
    const file = join(await temporaryFolder(), 'bomb.safetensors');
    await writeFile(file, Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127, 123, 125));
    await expect(readSafetensors(file)).rejects.toThrow(SafetensorsError);
  });

  test('every truncation is refused', async () => {
    const folder = await temporaryFolder();
    await writeSafetensors(join(folder, 'whole'), { a: tensor('float32', [3]), b: tensor('int8', [5]) });
    const whole = await readFile(join(folder, 'whole'));
    for (let length = 0; length < whole.length; length += 1) {
      await writeFile(join(folder, 'cut'), whole.subarray(0, length));
      await expect(readSafetensors(join(folder, 'cut'))).rejects.toThrow(SafetensorsError);
    }
  });

  test('a missing file and a missing tensor are different errors', async () => {
    const file = await write({ a: entry });
    await expect(readSafetensors(`${file}.gone`)).rejects.toThrow(ModelFileError);
    await using source = await openSafetensors(file);
    await expect(source.read('b')).rejects.toThrow(expect.objectContaining({ tensor: 'b' }));
  });
});
