export { addDims, type Dim, divideDims, evaluateDim, multiplyDims, subtractDims } from './dim.ts';
export { DTypeError, GradientError, GraphError, ShapeError } from './errors.ts';
export { gradients } from './gradient/gradients.ts';
export { type Graph, type GraphNode, type GraphOptions, graph, type Port } from './graph.ts';
export type { DifferentiableOperator, Operator } from './operators.ts';
export {
  type GeluOptions,
  gelu,
  logSigmoid,
  relu,
  sigmoid,
  silu,
  softplus,
  tanh,
} from './ops/activations.ts';
export {
  type GroupQueryAttentionOptions,
  type GroupQueryAttentionResult,
  groupQueryAttention,
} from './ops/attention.ts';
export { cast, stopGradient } from './ops/cast.ts';
export { and, equal, greater, greaterOrEqual, less, lessOrEqual, not, or, where } from './ops/compare.ts';
export { concat, split, stack } from './ops/concat.ts';
export { arange, type Operand, scalar, zeros } from './ops/constant.ts';
export { type CumSumOptions, cumSum } from './ops/cum-sum.ts';
export { dynamicQuantizeMatMul } from './ops/dynamic-quantize-mat-mul.ts';
export { einsum } from './ops/einsum.ts';
export {
  abs,
  add,
  ceil,
  clamp,
  cos,
  div,
  erf,
  exp,
  floor,
  type Limits,
  log,
  max,
  min,
  mul,
  neg,
  pow,
  reciprocal,
  round,
  sign,
  sin,
  sqrt,
  sub,
} from './ops/elementwise.ts';
export { gather, gatherElements, gatherNd } from './ops/gather.ts';
export { type LayerNormOptions, layerNorm } from './ops/layer-norm.ts';
export { type MatMulOptions, matMul } from './ops/mat-mul.ts';
export { matMulNBits, type NBits } from './ops/mat-mul-n-bits.ts';
export {
  logSumExp,
  type ReduceOptions,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceSum,
  type VarianceOptions,
  variance,
} from './ops/reduce.ts';
export { expand, reshape, shapeOf, squeeze, transpose, unsqueeze } from './ops/reshape.ts';
export { rmsNorm } from './ops/rms-norm.ts';
export { type RotaryEmbeddingOptions, rotaryEmbedding } from './ops/rotary-embedding.ts';
export { type ScatterOptions, scatterElements, scatterNd } from './ops/scatter.ts';
export { type Padding, pad, type Range, slice } from './ops/slice.ts';
export { logSoftmax, softmax } from './ops/softmax.ts';
export { type ArgMaxOptions, argMax, type TopK, type TopKOptions, topK } from './ops/top-k.ts';
export { encodeModel } from './proto/encode-model.ts';
export { type WriteModelOptions, writeModel } from './proto/write-model.ts';
export {
  DeviceUnavailableError,
  OnnxRuntimeError,
  RunArgumentError,
  type RunArgumentProblem,
  type RunArgumentRole,
  RuntimeUnavailableError,
  SessionDisposedError,
  UnsupportedTypeError,
} from './session/errors.ts';
export { openSession } from './session/open-session.ts';
export { type OperatorTime, profileTable } from './session/operator-time.ts';
export type {
  BoundRun,
  Device,
  FeedsOf,
  Fetches,
  GraphOptimization,
  RunOptions,
  Runtime,
  Session,
  SessionOptions,
  SharedFeeds,
  TensorSignature,
  TensorsOf,
} from './session/session.ts';
export type { SizesFrom } from './sizes.ts';
export { type SplitGraph, splitGraph } from './split-graph.ts';
export {
  type Attribute,
  type Attributes,
  constant,
  type Input,
  input,
  type Node,
  type Promises,
  type Source,
  type Value,
  type ValueType,
} from './value.ts';
