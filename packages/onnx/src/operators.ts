// Signatures: F and G float, N number, T and U anything, B bool, I int32 or int64 index, L int64, M int32, Q int8 or uint8;
// one letter is one dtype throughout a signature; ? = may be left out, * = any number of them.

/** Operators with a gradient: `gradient/rules.ts` does not compile unless it has a rule for each. */
export const differentiable = {
  Add: 'N N -> N',
  Sub: 'N N -> N',
  Mul: 'N N -> N',
  Div: 'N N -> N',
  Pow: 'N N -> N',
  Max: 'N N -> N',
  Min: 'N N -> N',
  Neg: 'N -> N',
  Abs: 'N -> N',
  Sign: 'N -> N',
  Exp: 'F -> F',
  Log: 'F -> F',
  Sqrt: 'F -> F',
  Reciprocal: 'F -> F',
  Sin: 'F -> F',
  Cos: 'F -> F',
  Erf: 'F -> F',
  Sigmoid: 'F -> F',
  Tanh: 'F -> F',
  Relu: 'F -> F',
  Gelu: 'F -> F',
  Softplus: 'F -> F',
  Floor: 'F -> F',
  Ceil: 'F -> F',
  Round: 'F -> F',
  QuickGelu: 'F -> F',
  Where: 'B T T -> T',
  Cast: 'T -> U',
  Identity: 'T -> T',
  Reshape: 'T L -> T',
  Transpose: 'T -> T',
  Expand: 'T L -> T',
  Concat: 'T* -> T',
  Slice: 'T L L L L -> T',
  Pad: 'T L T L -> T',
  Split: 'T L -> T*',
  Squeeze: 'T L -> T',
  Unsqueeze: 'T L -> T',
  Gather: 'T I -> T',
  GatherElements: 'T I -> T',
  GatherND: 'T L -> T',
  ScatterElements: 'T I T -> T',
  ScatterND: 'T L T -> T',
  MatMul: 'N N -> N',
  FusedMatMul: 'F F -> F',
  ReduceSum: 'N L -> N',
  ReduceMean: 'N L -> N',
  ReduceMax: 'N L -> N',
  ReduceMin: 'N L -> N',
  ReduceLogSumExp: 'F L -> F',
  CumSum: 'N I -> N',
  TopK: 'N L -> N L',
  Softmax: 'F -> F',
  LogSoftmax: 'F -> F',
  LayerNormalization: 'F F F? -> F G? G?',
  SimplifiedLayerNormalization: 'F F -> F G?',
  RotaryEmbedding: 'F L F F -> F',
} as const;

/** Operators without a gradient, and why they have none. */
const opaque = {
  Equal: ['T T -> B', 'a comparison is a step'],
  Less: ['N N -> B', 'a comparison is a step'],
  LessOrEqual: ['N N -> B', 'a comparison is a step'],
  Greater: ['N N -> B', 'a comparison is a step'],
  GreaterOrEqual: ['N N -> B', 'a comparison is a step'],
  And: ['B B -> B', 'bools are not continuous'],
  Or: ['B B -> B', 'bools are not continuous'],
  Not: ['B -> B', 'bools are not continuous'],
  ArgMax: ['N -> L', 'a place is not continuous'],
  Shape: ['T -> L', 'a shape does not depend on the numbers'],
  ConstantOfShape: ['L -> T', 'it depends on a shape alone'],
  Range: ['L L L -> L', 'it depends on a size alone'],
  GroupQueryAttention: [
    'F F F F F M M F? F? -> F F F',
    'it writes over the cache, which a gradient would have to read',
  ],
  DynamicQuantizeMatMul: ['F Q F Q? F? -> F', 'its weight is rounded to 8 bits, and its operand in each run'],
  MatMulNBits: ['F Q F -> F', 'its weight is rounded to 4 or 8 bits'],
} as const satisfies Readonly<Record<string, readonly [signature: string, reason: string]>>;

export type DifferentiableOperator = keyof typeof differentiable;

/** The ONNX operator of a node. */
export type Operator = DifferentiableOperator | keyof typeof opaque;

export function isDifferentiable(op: Operator): op is DifferentiableOperator {
  return Object.hasOwn(differentiable, op);
}

/** What an operator takes and gives, by dtype. */
export function signatureOf(op: Operator): string {
  return isDifferentiable(op) ? differentiable[op] : opaque[op][0];
}

/** Why an operator has no gradient; `undefined` for one that has. */
export function reasonForNoGradient(op: Operator): string | undefined {
  return isDifferentiable(op) ? undefined : opaque[op][1];
}

/** Whether output `index` of an operator may be left out of the file when nothing reads it. */
export function isOptionalOutput(op: Operator, index: number): boolean {
  return signatureOf(op).split('->')[1]?.trim().split(' ')[index]?.endsWith('?') ?? false;
}

/** The operator set of `ai.onnx` that the models are written for. */
export const OPSET_VERSION = 20;

const MICROSOFT: ReadonlySet<Operator> = new Set<Operator>([
  'FusedMatMul',
  'QuickGelu',
  'RotaryEmbedding',
  'GroupQueryAttention',
  'DynamicQuantizeMatMul',
  'MatMulNBits',
]);

/** `''` for ONNX's own operators, `com.microsoft` for onnxruntime's. */
export function domainOf(op: Operator): '' | 'com.microsoft' {
  return MICROSOFT.has(op) ? 'com.microsoft' : '';
}
