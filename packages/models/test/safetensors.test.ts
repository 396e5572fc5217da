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
