import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { tensor } from '@forge/tensor';
import { describe, expect, test } from 'vitest';
import {
  add,
  concat,
  constant,
  encodeModel,
  exp,
  type Graph,
  GraphError,
  gradients,
  graph,
  input,
  matMul,
  mul,
  reduceSum,
  rmsNorm,
  scalar,
  split,
  type Value,
} from '../src/index.ts';
import { schema } from '../src/proto/schema.ts';
import { integers } from '../src/sizes.ts';
import { apply } from '../src/value.ts';
import { verify } from '../src/verify.ts';
import { digestOfDecoder } from './support/digest.ts';
import { evaluate, float32, runModel } from './support/run.ts';

function trainingGraph(): Graph {
  const x = input('x', 'float32', ['n', 4]);
  const w = input('w', 'float32', [4, 4]);
  const loss = reduceSum(exp(matMul(rmsNorm(x, input('scale', 'float32', [4]), 1e-6), w)));
  const [gradient] = gradients(loss, [w]);
  return graph({ loss, gradient: gradient! }, { inputs: [w] });
}

test('graphs that are built alike are equal byte for byte', () => {
  const bytes = encodeModel(trainingGraph());
  expect(encodeModel(trainingGraph())).toEqual(bytes);
  expect(bytes.length).toBeGreaterThan(500);
});

test('the order in which attributes and values were put in means nothing', () => {
  const model = trainingGraph();
  const reversed = <Item>(items: Readonly<Record<string, Item>>) =>
    Object.fromEntries(Object.entries(items).toReversed());
  const other: Graph = {
    ...model,
    nodes: model.nodes.map((node) => ({ ...node, attributes: reversed(node.attributes) })),
    values: new Map([...model.values].toReversed()),
  };
  expect(encodeModel(other)).toEqual(encodeModel(model));
  const x = input('x', 'float32', [2, 3]);
  const type = { dtype: 'float32', shape: [2, 1] } as const;
  const attributes = { keepdims: { int: 1 }, noop_with_empty_axes: { int: 0 } };
  const sum = (given: typeof attributes) => apply('ReduceSum', [x, integers([1])], type, given);
  const { nodes } = graph({ y: add(sum(attributes), sum(reversed(attributes) as typeof attributes)) });
  expect(nodes.map(({ op }) => op)).toEqual(['ReduceSum', 'Add']);
});

test('another process writes the same bytes', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    fileURLToPath(new URL('support/digest.ts', import.meta.url)),
  ]);
  expect(stdout).toBe(digestOfDecoder());
});

test('attributes of different numbers are different attributes', () => {
  const x = input('x', 'float32', [2]);
  const scaled = (alpha: number) => apply('QuickGelu', [x], x, { alpha: { float: alpha } });
  for (const [a, b] of [
    [0, -0],
    [Number.NaN, Number.POSITIVE_INFINITY],
  ] as const) {
    expect(graph({ y: add(scaled(a), scaled(b)) }).nodes).toHaveLength(3);
  }
});

test('graphs that differ in one attribute differ in their bytes', () => {
  const x = input('x', 'float32', [2, 3]);
  const bytes = [0, 1].map((axis) => encodeModel(graph({ y: reduceSum(x, [axis]) })));
  expect(bytes[0]).not.toEqual(bytes[1]);
});

test('equal computations and equal constants are there once', () => {
  const x = input('x', 'float32', [2]);
  const twice = (): Value => mul(exp(x), 2);
  const { nodes, constants } = graph({ y: add(twice(), twice()) });
  expect(nodes.map(({ op }) => op)).toEqual(['Exp', 'Mul', 'Add']);
  expect(constants.length).toBe(1);
});

test('a constant of other bits is another constant', async () => {
  const y = add(mul(input('x', 'float32', [1]), scalar(2)), scalar(2.5));
  expect((await evaluate(y, { x: float32([1], [3]) })).data).toEqual([8.5]);
});

test('a constant without elements is written', async () => {
  const y = concat([input('x', 'float32', ['n']), constant(float32([0], []))], 0);
  expect((await evaluate(y, { x: float32([2], [1, 2]) })).data).toEqual([1, 2]);
});

test('inputs come in the order given, used or not', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => input(name, 'float32', ['n']));
  const { inputs } = graph({ y: add(c!, a!) }, { inputs: [b!, a!] });
  expect(inputs.map(({ name }) => name)).toEqual(['b', 'a', 'c']);
});

test('an output may be an input, a constant, or another output', async () => {
  const x = input('x', 'float32', [1]);
  const y = exp(x);
  const model = graph({ y, again: y, same: x, two: constant(float32([1], [2])) });
  const result = await runModel(model, { x: float32([1], [0]) });
  const numbers = Object.entries(result).map(([name, { data }]) => [name, Number(data[0])]);
  expect(Object.fromEntries(numbers)).toEqual({ y: 1, again: 1, same: 0, two: 2 });
});

test('a computed size names the axes of outputs', () => {
  const x = input('x', 'float32', ['n', 2]);
  expect(graph({ y: add(x, x) }).outputs).toEqual([{ name: 'y', dtype: 'float32', shape: ['n', 2] }]);
});

test('an optional output is named only when something reads it', () => {
  const x = input('x', 'float32', [3, 4]);
  const y = rmsNorm(x, input('scale', 'float32', [4]), 1e-6);
  expect(graph({ y }).nodes[0]!.outputs.length).toBe(1);
  const [gradient] = gradients(reduceSum(y), [x]);
  expect(graph({ y, gradient: gradient! }).nodes[0]!.outputs.length).toBe(2);
});

test('all pieces of a split are named', async () => {
  const x = input('x', 'float32', [3]);
  const [, last] = split(x, [1, 2], 0);
  expect((await evaluate(last!, { x: float32([3], [1, 2, 3]) })).data).toEqual([2, 3]);
});

test('a chain that is deeper than the call stack is written', () => {
  let y: Value = input('x', 'float32', []);
  for (let i = 0; i < 20_000; i++) y = add(y, 1);
  expect(graph({ y }).nodes.length).toBe(20_000);
});

describe('what a model file must obey', () => {
  const x = input('x', 'float32', [2]);

  test('two inputs of one name agree', () => {
    expect(() => graph({ y: add(x, input('x', 'float32', [])) })).toThrow(GraphError);
    expect(graph({ y: add(x, input('x', 'float32', [2])) }).inputs.length).toBe(1);
  });

  test('an output is not named as an input', () => {
    expect(() => graph({ x: exp(x) })).toThrow('"x" is the name of two values.');
  });

  test('a graph has an output', () => {
    expect(() => graph({})).toThrow(GraphError);
  });

  test('only inputs are listed as inputs', () => {
    expect(() => graph({ y: x }, { inputs: [exp(x)] })).toThrow(GraphError);
  });

  const whole = graph({ y: exp(add(x, x)) });
  const [sum, power] = whole.nodes;

  test.each<readonly [string, Graph]>([
    ['used before it is computed', { ...whole, nodes: [power!, sum!] }],
    ['the name of two nodes', { ...whole, nodes: [sum!, { ...power!, name: sum!.name }] }],
    ['the name of two values', { ...whole, nodes: [sum!, { ...power!, outputs: sum!.outputs }] }],
    ['not computed', { ...whole, nodes: [sum!] }],
  ])('a value that is %s is refused', (_, broken) => {
    expect(() => verify(broken)).toThrow(GraphError);
  });

  test('an edge has a dtype that its operator takes', () => {
    const values = new Map(whole.values).set('x', { name: 'x', dtype: 'bool', shape: [2] });
    expect(() => verify({ ...whole, values })).toThrow('Add cannot be applied to bool, bool');
  });
});

test('a decoded file holds what was encoded', () => {
  const x = input('x', 'int64', ['n', 3]);
  const bytes = encodeModel(graph({ y: add(x, constant(tensor('int64', [3], BigInt64Array.of(1n, -2n, 3n)))) }));
  const model = schema.lookupType('ModelProto');
  const { graph: decoded, opsetImport, irVersion } = model.toObject(model.decode(bytes), { longs: Number });
  expect(irVersion).toBe(9);
  expect(opsetImport).toEqual([
    { domain: '', version: 20 },
    { domain: 'com.microsoft', version: 1 },
  ]);
  expect(decoded.node).toMatchObject([{ opType: 'Add', input: ['x', '/Constant_0'], output: ['y'] }]);
  expect(decoded.input[0].type.tensorType).toEqual({
    elemType: 7,
    shape: { dim: [{ dimParam: 'n' }, { dimValue: 3 }] },
  });
  const { dims, dataType, rawData } = decoded.initializer[0];
  expect({ dims, dataType }).toEqual({ dims: [3], dataType: 7 });
  expect(new DataView(new Uint8Array(rawData).buffer).getBigInt64(8, true)).toBe(-2n);
});
