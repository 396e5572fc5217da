import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bytesOf, type DType, type Tensor, tensor } from '@forge/tensor';
import { describe, expect, test } from 'vitest';
import {
  add,
  cast,
  concat,
  constant,
  encodeModel,
  type Graph,
  gather,
  graph,
  input,
  matMul,
  matMulNBits,
  mul,
  openSession,
  type Runtime,
  type Session,
  slice,
  transpose,
} from '../../src/index.ts';

const floats = (shape: readonly number[], seed: number): Tensor<'float32'> => {
  const length = shape.reduce((product, size) => product * size, 1);
  return tensor(
    'float32',
    shape,
    Float32Array.from({ length }, (_, i) => (((i + 1) * seed) % 17) - 8),
  );
};

const x = input('x', 'float32', ['rows', 64]);
const up = input('up', 'float32', [32, 64]);
const gate = input('gate', 'float32', [32, 64]);
const bias = input('bias', 'float32', ['biased', 64]);

/** Products with one weight as it is, with one transposed, and with both side by side; a table; a sum. */
const layer = graph({
  plain: matMul(x, transpose(up, [1, 0])),
  transposed: matMul(x, gate, { transposeB: true }),
  joined: matMul(x, concat([up, gate], 0), { transposeB: true }),
  table: gather(up, input('row', 'int64', ['rows']), 0),
  sum: mul(bias, slice(up, { axis: 0, end: 1 })),
});
const weights = { up: floats([32, 64], 5), gate: floats([32, 64], 7), bias: floats([40, 64], 3) };
const feeds = { x: floats([3, 64], 11), row: tensor('int64', [3], BigInt64Array.of(4n, 0n, 31n)) };

const constants = (bytes: number): Graph => {
  const [one, other] = [floats([bytes / 4], 5), floats([bytes / 4], 7)];
  return graph({ y: mul(input('x', 'float32', [bytes / 4]), add(constant(one), constant(other))) });
};

describe.each<Runtime>(['c-api', 'binding'])('initializers of a session over the %s', (runtime) => {
  const open = (model: Graph, initializers: Record<string, Tensor>): Promise<Session> =>
    openSession(model, { runtime, initializers });

  test('give the numbers that they give as feeds, and are no inputs any more', async () => {
    await using fed = await openSession(layer, { runtime });
    await using session = await open(layer, weights);
    expect(session.inputs.map(({ name }) => name)).toEqual(['x', 'row']);
    expect(await session.run(feeds)).toEqual(await fed.run({ ...feeds, ...weights }));
  });

  test('may be some of the inputs', async () => {
    await using fed = await openSession(layer, { runtime });
    const { bias: fedBias, ...others } = weights;
    await using session = await open(layer, others);
    expect(session.inputs.map(({ name }) => name).toSorted()).toEqual(['bias', 'row', 'x']);
    expect(await session.run({ ...feeds, bias: fedBias })).toEqual(await fed.run({ ...feeds, ...weights }));
  });

  test('serve two sessions at once, and outlive both', async () => {
    const second = await open(layer, weights);
    await using first = await open(layer, weights);
    const before = await first.run(feeds);
    await second[Symbol.asyncDispose]();
    expect(await first.run(feeds)).toEqual(before);
    expect(weights.up).toEqual(floats([32, 64], 5));
  });

  test('come back once they are packed, folded or copied, and are the caller’s again', async () => {
    await using kept = await open(layer, weights);
    const given = { up: floats([32, 64], 5), gate: floats([32, 64], 7), bias: floats([40, 64], 3) };
    const returned: string[] = [];
    await using session = await openSession(layer, {
      runtime,
      initializers: given,
      onInitializerReturned: (name) => returned.push(name),
    });
    expect(returned).toContain('gate');
    for (const name of returned) given[name as keyof typeof given].data.fill(Number.NaN);
    expect(await session.run(feeds)).toEqual(await kept.run(feeds));
  });

  test('have all come back, each once, when the session is disposed', async () => {
    const returned: string[] = [];
    const initializers = { ...weights, bias: floats([1, 64], 3) };
    const onInitializerReturned = (name: string) => returned.push(name);
    const session = await openSession(layer, { runtime, initializers, onInitializerReturned });
    await session[Symbol.asyncDispose]();
    expect(returned.toSorted()).toEqual(['bias', 'gate', 'up']);
  });

  test('have all come back when the session cannot be opened', async () => {
    const w = tensor('uint8', [32, 2, 16]);
    const scales = floats([32, 2], 3);
    const { nodes, ...parts } = graph({
      y: matMulNBits(x, input('w', w.dtype, w.shape), input('scales', 'float32', scales.shape), {
        bits: 4,
        blockSize: 32,
      }),
    });
    const broken = {
      ...parts,
      nodes: nodes.map((node) => ({ ...node, attributes: { ...node.attributes, bits: { int: 5 } } })),
    };
    const returned: string[] = [];
    await expect(
      openSession(broken, {
        runtime,
        initializers: { w, scales },
        onInitializerReturned: (name) => returned.push(name),
      }),
    ).rejects.toMatchObject({ code: 'ERR_ONNX_RUNTIME' });
    if (runtime === 'c-api') expect(returned.toSorted()).toEqual(['w']); // the others are copied into the model
  });

  const carried = ['float64', 'float16', 'int64', 'int32', 'int8', 'uint8', 'bool'] as const satisfies DType[];
  test.each(carried)('may be %s, small and large', async (dtype) => {
    for (const count of [3, 4096]) {
      const value = tensor(dtype, [count]);
      for (const [i] of bytesOf(value).entries()) bytesOf(value)[i] = dtype === 'bool' ? i % 2 : (i * 37 + 11) % 120;
      const both = graph({ y: concat([input('value', dtype, ['n']), input('x', dtype, ['m'])], 0) });
      await using session = await open(both, { value });
      const y = (await session.run({ x: value }))['y']!;
      expect(y).toEqual({ dtype, shape: [2 * count], data: y.data });
      expect(bytesOf(y).subarray(0, bytesOf(value).length)).toEqual(bytesOf(value));
      expect(bytesOf(y).subarray(bytesOf(value).length)).toEqual(bytesOf(value));
    }
  });

  test('are folded where a graph computes with them alone', async () => {
    const [a, b] = [input('a', 'float16', ['n', 64]), input('b', 'float32', ['n', 64])];
    const folded = graph({ y: matMul(x, add(cast(a, 'float32'), b), { transposeB: true }) });
    const ones = tensor('float16', [16, 64], new Uint16Array(16 * 64).fill(0x3c00));
    await using session = await open(folded, { a: ones, b: floats([16, 64], 5) });
    await using fed = await openSession(folded, { runtime });
    const given = { x: feeds.x };
    expect(await session.run(given)).toEqual(await fed.run({ ...given, a: ones, b: floats([16, 64], 5) }));
  });

  test('are refused by name when the graph has no such input, or another dtype or shape', async () => {
    const refusals: [Record<string, Tensor>, object][] = [
      [{ down: weights.up }, { tensor: 'down', problem: 'unknown', expected: 'one of x, up, gate, row, bias' }],
      [{ up: tensor('float64', [32, 64]) }, { tensor: 'up', problem: 'dtype', got: 'float64' }],
      [
        { ...weights, gate: floats([32, 63], 1) },
        { tensor: 'gate', problem: 'shape', got: '[32, 63]' },
      ],
      [{ up: { ...weights.up, data: new Float32Array(3) } }, { tensor: 'up', problem: 'data' }],
    ];
    for (const [initializers, expected] of refusals) {
      await expect(open(layer, initializers)).rejects.toMatchObject({
        code: 'ERR_ONNX_RUN_ARGUMENT',
        role: 'initializer',
        ...expected,
      });
    }
  });

  test('are refused for the bytes of a file, which has its own', async () => {
    await expect(openSession(encodeModel(layer), { runtime, initializers: weights })).rejects.toMatchObject({
      code: 'ERR_ONNX_RUN_ARGUMENT',
      role: 'initializer',
      tensor: 'up',
    });
  });

  test.each([64, 1_020, 1_024, 1 << 20])('constants of %i bytes in a graph count as those in a file', async (bytes) => {
    await using session = await openSession(constants(bytes), { runtime });
    await using file = await openSession(encodeModel(constants(bytes)), { runtime });
    const given = { x: floats([bytes / 4], 11) };
    expect(await session.run(given)).toEqual(await file.run(given));
  });
});

test('50 sessions on the same 8 MiB hold them in place, and leave memory where it was', async () => {
  const program = fileURLToPath(new URL('many-sessions.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program]);
  const { whileOpen, growths }: Record<'whileOpen' | 'growths', readonly number[]> = JSON.parse(stdout);
  const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
  // A copy would be 8 MiB more while a session is open, and a leak as much in each round.
  expect(median(whileOpen)).toBeLessThan(2 ** 22);
  expect(median(growths)).toBeLessThan(2 ** 20);
});
