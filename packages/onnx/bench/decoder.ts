// R rows, T tokens of a row, D model width, H query heads, K key/value heads, C channels of a head, F feed-forward width
import { tensor } from '@forge/tensor';
import {
  add,
  constant,
  type Dim,
  type Graph,
  gather,
  gatherElements,
  gradients,
  graph,
  input,
  logSoftmax,
  matMul,
  mul,
  multiplyDims,
  neg,
  reduceMean,
  reduceSum,
  reshape,
  rmsNorm,
  rotaryEmbedding,
  silu,
  softmax,
  transpose,
  type Value,
} from '../src/index.ts';

export interface DecoderSizes {
  readonly vocabulary: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly feedForward: number;
  readonly maxTokens: number;
}

/** Loss and gradients of a decoder in the style of Qwen3, with weights [in, out]; `names` lists its weights. */
export function trainingGraph(sizes: DecoderSizes): { readonly model: Graph; readonly weights: readonly Value[] } {
  const { vocabulary: V, width: D, layers, heads: H, kvHeads: K, feedForward: F, maxTokens } = sizes;
  const C = D / H;
  const weights: Value[] = [];
  const weight = (name: string, shape: readonly number[]): Value => {
    const value = input(name, 'float32', shape);
    weights.push(value);
    return value;
  };
  const [R, T]: readonly [Dim, Dim] = ['rows', 'tokens'];
  const N = multiplyDims(R, T);
  const ids = input('ids', 'int64', [R, T]);
  const positions = input('positions', 'int64', [R, T]);
  const mask = input('mask', 'float32', [T, T]);
  const targets = input('targets', 'int64', [N, 1]);
  const from = { sizesFrom: [ids] };
  const table = (of: (angle: number) => number): Value => {
    const angles = Float32Array.from({ length: (maxTokens * C) / 2 }, (_, i) => {
      const pair = i % (C / 2);
      return of(Math.floor(i / (C / 2)) / 10_000 ** ((2 * pair) / C));
    });
    return constant(tensor('float32', [maxTokens, C / 2], angles));
  };
  const [cos, sin] = [table(Math.cos), table(Math.sin)];
  let x_ND = reshape(gather(weight('embed', [V, D]), ids), [N, D]);
  for (let layer = 0; layer < layers; layer++) {
    const named = (name: string, ...shape: readonly number[]): Value => weight(`${layer}.${name}`, shape);
    const normed_ND = rmsNorm(x_ND, named('norm1', D), 1e-6);
    const projected = (name: string, count: number): Value =>
      reshape(matMul(normed_ND, named(name, D, count * C)), [R, T, count, C], from);
    const rotated = (x: Value, count: number): Value => {
      const flat = reshape(x, [R, T, count * C], from);
      return transpose(reshape(rotaryEmbedding(flat, { positions, cos, sin }), [R, T, count, C], from), [0, 2, 1, 3]);
    };
    const query = rotated(rmsNorm(projected('q', H), named('qNorm', C), 1e-6), H);
    const key = rotated(rmsNorm(projected('k', K), named('kNorm', C), 1e-6), K);
    const value = transpose(projected('v', K), [0, 2, 1, 3]);
    const grouped = multiplyDims(H / K, T);
    const alpha = 1 / Math.sqrt(C);
    const scores = matMul(reshape(query, [R, K, grouped, C], from), key, { transposeB: true, alpha });
    const mixing = softmax(add(reshape(scores, [R, H, T, T], from), mask));
    const mixed = reshape(matMul(reshape(mixing, [R, K, grouped, T], from), value), [R, H, T, C], from);
    x_ND = add(x_ND, matMul(reshape(transpose(mixed, [0, 2, 1, 3]), [N, D]), named('o', D, D)));
    const inner_ND = rmsNorm(x_ND, named('norm2', D), 1e-6);
    const gate_NF = matMul(inner_ND, named('gate', D, F));
    const up_NF = matMul(inner_ND, named('up', D, F));
    x_ND = add(x_ND, matMul(mul(silu(gate_NF), up_NF), named('down', F, D)));
  }
  const logits_NV = matMul(rmsNorm(x_ND, weight('norm', [D]), 1e-6), weight('head', [D, V]));
  const loss = neg(reduceMean(gatherElements(logSoftmax(logits_NV), targets, 1)));
  const slopes = gradients(loss, weights);
  const named = weights.map((value, i) => [`grad.${nameOf(value)}`, slopes[i]!] as const);
  return { model: graph({ loss, ...Object.fromEntries(named) }), weights };
}

/** The matrix products of one training step on `rows` vectors and nothing else, each reduced to a number. */
export function productsGraph({
  vocabulary: V,
  width: D,
  layers,
  heads: H,
  kvHeads: K,
  feedForward: F,
}: DecoderSizes): Graph {
  const narrow = (D / H) * K;
  const block = [
    [D, D],
    [D, narrow],
    [D, narrow],
    [D, D],
    [D, F],
    [D, F],
    [F, D],
  ] as const;
  const products = [...Array.from({ length: layers }, () => block).flat(), [D, V] as const];
  const outputs: Record<string, Value> = {};
  products.forEach(([wide, long], i) => {
    // Inputs of one shape are shared; each product is scaled by itself so that none is done once for all.
    const x = input(`x${wide}`, 'float32', ['n', wide]);
    const g = input(`x${long}`, 'float32', ['n', long]);
    const w = input(`w${wide}.${long}`, 'float32', [wide, long]);
    const alpha = 1 + i / 100;
    outputs[`y${i}`] = reduceSum(matMul(x, w, { alpha }));
    outputs[`dx${i}`] = reduceSum(matMul(g, w, { alpha, transposeB: true }));
    outputs[`dw${i}`] = reduceSum(matMul(x, g, { alpha, transposeA: true }));
  });
  return graph(outputs);
}

/** The name that an input is fed by. */
export function nameOf(value: Value): string {
  return value.source.kind === 'input' ? value.source.name : '';
}
