// B batch, T tokens, D width, V vocabulary
import { Random, type Tensor, tensor } from '@forge/tensor';
import { describe, expect, test } from 'vitest';
import {
  add,
  concat,
  div,
  erf,
  exp,
  gather,
  gatherElements,
  gelu,
  gradients,
  graph,
  input,
  layerNorm,
  log,
  logSoftmax,
  matMul,
  mul,
  neg,
  type OperatorTime,
  openSession,
  reduceMean,
  reduceSum,
  rmsNorm,
  rotaryEmbedding,
  type SessionOptions,
  silu,
  slice,
  softmax,
  sqrt,
  sub,
  tanh,
  transpose,
  unsqueeze,
  type Value,
  variance,
} from '../src/index.ts';

const epsilon = 1e-5;
const x = input('x', 'float32', ['B', 'T', 8]);
const [weight, bias] = [input('weight', 'float32', [8]), input('bias', 'float32', [8])];
const product = input('product', 'float32', [6, 8]);
const targets = input('targets', 'int64', ['B', 'T', 1]);
const positions = input('positions', 'int64', ['B', 'T']);
const [cosines, sines] = [input('cosines', 'float32', [5, 2]), input('sines', 'float32', [5, 2])];

const mean = (of: Value): Value => reduceMean(of, [-1], { keepDims: true });

/** Two heads of four channels, each rotated as arithmetic has it. */
function rotated(): Value {
  const [cos, sin] = [gather(cosines, positions), gather(sines, positions)];
  const heads = [0, 4].flatMap((start) => {
    const first = slice(x, { axis: 2, start, end: start + 2 });
    const second = slice(x, { axis: 2, start: start + 2, end: start + 4 });
    return [sub(mul(first, cos), mul(second, sin)), add(mul(second, cos), mul(first, sin))];
  });
  return concat(heads, 2);
}

interface Fused {
  readonly function: Value;
  /** The same of plain operators. */
  readonly spelled: Value;
  /** The kernels that the function runs, in the alphabet. */
  readonly kernels: readonly string[];
}

const functions: Readonly<Record<string, Fused>> = {
  rmsNorm: {
    function: rmsNorm(x, weight, epsilon),
    spelled: mul(div(x, sqrt(add(mean(mul(x, x)), epsilon))), weight),
    kernels: ['SimplifiedLayerNormalization'],
  },
  layerNorm: {
    function: layerNorm(x, { weight, bias, epsilon }),
    spelled: add(
      mul(div(sub(x, mean(x)), sqrt(add(variance(x, [-1], { keepDims: true, correction: 0 }), epsilon))), weight),
      bias,
    ),
    kernels: ['LayerNormalization'],
  },
  rotaryEmbedding: {
    function: rotaryEmbedding(x, { positions, cos: cosines, sin: sines }),
    spelled: rotated(),
    kernels: ['RotaryEmbedding'],
  },
  silu: { function: silu(x), spelled: div(x, add(exp(neg(x)), 1)), kernels: ['QuickGelu'] },
  gelu: {
    function: gelu(x),
    spelled: mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1)),
    kernels: ['Gelu'],
  },
  'gelu by a hyperbolic tangent': {
    function: gelu(x, { approximate: 'tanh' }),
    spelled: mul(mul(x, 0.5), add(tanh(mul(add(x, mul(mul(mul(x, x), x), 0.044715)), Math.sqrt(2 / Math.PI))), 1)),
    kernels: ['Gelu'],
  },
  'matMul with a transpose and a factor': {
    function: matMul(x, product, { transposeB: true, alpha: 0.25 }),
    spelled: mul(matMul(x, transpose(product, [1, 0])), 0.25),
    kernels: ['FusedMatMul'],
  },
  'attention weights': {
    function: softmax(matMul(x, x, { transposeB: true, alpha: 0.5 })),
    spelled: (() => {
      const scores = exp(mul(matMul(x, transpose(x, [0, 2, 1])), 0.5));
      return div(scores, reduceSum(scores, [-1], { keepDims: true }));
    })(),
    kernels: ['FusedMatMul', 'Softmax'],
  },
  'log-probabilities of targets': {
    function: gatherElements(logSoftmax(x), targets, 2),
    spelled: sub(gatherElements(x, targets, 2), unsqueeze(log(reduceSum(exp(x), [-1])), [-1])),
    kernels: ['GatherElements', 'LogSoftmax'],
  },
};

const random = new Random('fused');
const [B, T] = [2, 3];
const normal = (shape: readonly number[]): Tensor<'float32'> => {
  const { data } = tensor('float32', shape);
  return tensor(
    'float32',
    shape,
    data.map(() => random.normal()),
  );
};
const integers = (shape: readonly number[], below: number): Tensor<'int64'> => {
  const { data } = tensor('int64', shape);
  return tensor(
    'int64',
    shape,
    data.map(() => BigInt(random.integer(below))),
  );
};
const feeds: Readonly<Record<string, Tensor>> = {
  x: normal([B, T, 8]),
  weight: normal([8]),
  bias: normal([8]),
  product: normal([6, 8]),
  targets: integers([B, T, 1], 8),
  positions: integers([B, T], 5),
  cosines: normal([5, 2]),
  sines: normal([5, 2]),
  g6: normal([B, T, 6]),
  gT: normal([B, T, T]),
  g1: normal([B, T, 1]),
  g8: normal([B, T, 8]),
};

/** A function's value and its gradients in what it is computed from. */
function differentiated(y: Value): Readonly<Record<string, Value>> {
  const g = input(`g${y.shape.at(-1)}`, 'float32', y.shape);
  const wrt = { x, weight, bias, product };
  const used = new Set(graph({ y }).inputs.map(({ name }) => name));
  const names = (Object.keys(wrt) as (keyof typeof wrt)[]).filter((name) => used.has(name));
  const slopes = gradients(
    y,
    names.map((name) => wrt[name]),
    g,
  );
  return Object.fromEntries(names.map((name, i) => [`d${name}`, slopes[i]!]));
}

/** The results, and the kernels that gave them. */
async function run(
  outputs: Readonly<Record<string, Value>>,
  options: SessionOptions = {},
): Promise<{ readonly results: Readonly<Record<string, Tensor>>; readonly kernels: readonly string[] }> {
  const model = graph(outputs);
  let times: readonly OperatorTime[] = [];
  const onProfile = (all: readonly OperatorTime[]): void => {
    times = all;
  };
  const session = await openSession(model, { threads: 1, onProfile, ...options });
  const fed = Object.fromEntries(model.inputs.map(({ name }) => [name, feeds[name]!]));
  const results = await session.run(fed);
  await session[Symbol.asyncDispose]();
  return { results, kernels: times.map(({ operator }) => operator).toSorted() };
}

function expectClose(actual: Readonly<Record<string, Tensor>>, expected: Readonly<Record<string, Tensor>>): void {
  for (const [name, { shape, data }] of Object.entries(expected)) {
    expect(actual[name]!.shape).toEqual(shape);
    for (const [i, value] of data.entries()) expect(Number(actual[name]!.data[i])).toBeCloseTo(Number(value), 4);
  }
}

describe.each(Object.entries(functions))('%s', (_, { function: y, spelled, kernels }) => {
  test('runs the fused kernel, and nothing else', async () => {
    expect((await run({ y })).kernels).toEqual(kernels);
    const plain = await run({ y: spelled }, { graphOptimization: 'none' });
    expect(plain.kernels.filter((kernel) => /Fused|Gelu|Norm|Rotary|Softmax/.test(kernel))).toEqual([]);
  });

  test('gives what it gives spelled in plain operators that nobody rewrote, gradients included', async () => {
    const fused = await run({ y, ...differentiated(y) });
    const plain = await run({ y: spelled, ...differentiated(spelled) }, { graphOptimization: 'none' });
    expectClose(fused.results, plain.results);
  });
});

test('the gradient of a product transposes nothing', async () => {
  const slopes = differentiated(functions['matMul with a transpose and a factor']!.function);
  const { kernels } = await run(slopes);
  expect(kernels).not.toContain('Transpose');
});

test('the gradient of picked log-probabilities has one pass of exponentials and one scatter', async () => {
  const { kernels } = await run(differentiated(functions['log-probabilities of targets']!.function));
  expect(kernels).toContain('ScatterElements');
  expect(kernels).not.toContain('Softmax');
  expect(kernels).not.toContain('ConstantOfShape');
});
