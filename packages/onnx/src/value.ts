import type { DType, Tensor } from '@forge/tensor';
import { type Dim, normalizeDim } from './dim.ts';
import type { Operator } from './operators.ts';
import { checkSignature } from './signature.ts';

/** The dtype and the shape of a value. */
export interface ValueType {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

/** A tensor of a graph that is not computed yet. Immutable; compared by identity. */
export interface Value extends ValueType {
  readonly source: Source;
  /** Where each symbolic size in the value's history can be read at run time. */
  readonly symbols: ReadonlyMap<string, AxisOfInput>;
}

/** The axis of a graph input whose size is a symbol's. */
export interface AxisOfInput {
  readonly input: Value;
  readonly axis: number;
}

/** Where a value comes from. */
export type Source =
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'constant'; readonly tensor: Tensor }
  | { readonly kind: 'node'; readonly node: Node; readonly index: number };

/** One application of an operator. */
export interface Node {
  readonly op: Operator;
  /** `undefined` where an optional operand is left out. */
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}

/** An attribute says which of ONNX's kinds it is, since JavaScript has one kind of number. */
export type Attribute =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly tensor: Tensor };

export type Attributes = Readonly<Record<string, Attribute>>;

/**
 * An input of the graph, fed by `name` at run time.
 *
 * @throws {RangeError} when a size is neither an integer ≥ 0 nor a polynomial of names.
 */
export function input(name: string, dtype: DType, shape: readonly Dim[]): Value {
  const dims = shape.map(normalizeDim);
  for (const dim of dims) if (typeof dim === 'number' && dim < 0) throw new RangeError(`Input "${name}": size ${dim}.`);
  const symbols = new Map<string, AxisOfInput>();
  const value: Value = { dtype, shape: dims, source: { kind: 'input', name }, symbols };
  dims.forEach((dim, axis) => {
    if (typeof dim === 'string' && !symbols.has(dim)) symbols.set(dim, { input: value, axis });
  });
  return value;
}

/** A tensor that is part of the graph. Its data must not change afterwards. */
export function constant(tensor: Tensor): Value {
  return { dtype: tensor.dtype, shape: tensor.shape, source: { kind: 'constant', tensor }, symbols: new Map() };
}

/**
 * Applies an operator that has several outputs.
 *
 * @throws {DTypeError} when the operator does not take operands of these dtypes.
 */
export function applyAll(
  op: Operator,
  inputs: readonly (Value | undefined)[],
  types: readonly ValueType[],
  attributes: Attributes = {},
): readonly Value[] {
  checkSignature(
    op,
    inputs.map((operand) => operand?.dtype),
    types.map((type) => type.dtype),
  );
  const outputs: Value[] = [];
  const node: Node = { op, inputs, outputs, attributes };
  const symbols = mergeSymbols(inputs);
  types.forEach(({ dtype, shape }, index) => {
    outputs.push({ dtype, shape, source: { kind: 'node', node, index }, symbols });
  });
  return outputs;
}

/** Applies an operator for its first output. @throws {DTypeError} as `applyAll`. */
export function apply(
  op: Operator,
  inputs: readonly (Value | undefined)[],
  type: ValueType,
  attributes: Attributes = {},
): Value {
  return applyAll(op, inputs, [type], attributes)[0]!;
}

/** The node that computes a value; `undefined` for inputs and constants. */
export function nodeOf(value: Value): Node | undefined {
  return value.source.kind === 'node' ? value.source.node : undefined;
}

/** The node of a value if it applies `op`. */
export function nodeIf(value: Value, op: Operator): Node | undefined {
  const node = nodeOf(value);
  return node?.op === op ? node : undefined;
}

function mergeSymbols(inputs: readonly (Value | undefined)[]): ReadonlyMap<string, AxisOfInput> {
  let merged: ReadonlyMap<string, AxisOfInput> = new Map();
  for (const operand of inputs) {
    if (operand === undefined || operand.symbols === merged) continue;
    const fresh = [...operand.symbols].filter(([name]) => !merged.has(name));
    if (fresh.length === 0) continue;
    merged = merged.size === 0 ? operand.symbols : new Map([...merged, ...fresh]);
  }
  return merged;
}
