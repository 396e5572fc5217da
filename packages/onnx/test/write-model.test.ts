import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Tensor, tensor } from '@forge/tensor';
import ort from 'onnxruntime-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { add, constant, encodeModel, graph, input, matMul, openSession, writeModel } from '../src/index.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'forge-onnx-'));
});

afterEach(() => rm(folder, { recursive: true }));

const floats = (shape: readonly [number, number], seed: number): Tensor<'float32'> =>
  tensor(
    'float32',
    shape,
    Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => (((i + 1) * seed) % 17) - 8),
  );

const weights = { up: floats([64, 32], 5), down: floats([32, 8], 7) };
const bias = floats([1, 8], 3);
const model = graph({
  y: add(
    matMul(
      matMul(input('x', 'float32', ['rows', 64]), input('up', 'float32', [64, 32])),
      input('down', 'float32', [32, 8]),
    ),
    constant(bias),
  ),
});
const x = floats([3, 64], 11);

/** What onnxruntime computes from a file. */
async function run(file: string): Promise<unknown> {
  const session = await ort.InferenceSession.create(file);
  const { y } = await session.run({ x: new ort.Tensor('float32', x.data, x.shape) });
  await session.release();
  return y!.data;
}

test('a model whose constants lie in a second file is read by onnxruntime and computes what the graph does', async () => {
  const file = join(folder, 'model.onnx');
  await writeModel(file, model, { initializers: weights });
  expect((await readdir(folder)).toSorted()).toEqual(['model.onnx', 'model.onnx.data']);
  await using session = await openSession(model, { initializers: weights });
  expect(await run(file)).toEqual((await session.run({ x })).y.data);
  const data = await readFile(`${file}.data`);
  // Each begins on a page; the small ones are in the model.
  expect(data.length).toBe(2 * 4096 + 1024);
  expect(new Float32Array(data.buffer, data.byteOffset, 64 * 32)).toEqual(weights.up.data);
});

test('everything lies in the second file, or nothing, as wanted', async () => {
  for (const [minExternalBytes, names] of [
    [1, ['all.onnx', 'all.onnx.data']],
    [2 ** 40, ['all.onnx']],
  ] as const) {
    const file = join(folder, 'all.onnx');
    await writeModel(file, model, { initializers: weights, minExternalBytes });
    expect((await readdir(folder)).toSorted()).toEqual(names);
    await using session = await openSession(model, { initializers: weights });
    expect(await run(file)).toEqual((await session.run({ x })).y.data);
    if (minExternalBytes > 1) expect((await stat(file)).size).toBeGreaterThan(64 * 32 * 4);
    await rm(`${file}.data`, { force: true });
  }
});

test('a file is written whole or not at all', async () => {
  await expect(writeModel(join(folder, 'missing', 'model.onnx'), model, { initializers: weights })).rejects.toThrow(
    'ENOENT',
  );
  await expect(writeModel(join(folder, 'model.onnx'), model, { initializers: { z: bias } })).rejects.toMatchObject({
    code: 'ERR_ONNX_RUN_ARGUMENT',
    tensor: 'z',
  });
  expect(await readdir(folder)).toEqual([]);
});

test('constants that no protobuf holds are refused before they are encoded', () => {
  const large = tensor('uint8', [2 ** 31]);
  const tooLarge = { ...model, constants: [{ name: 'large', tensor: large }] };
  expect(() => encodeModel(tooLarge)).toThrow(/2147483648 bytes of constants.*writeModel/);
});
