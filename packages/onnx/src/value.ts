import type { DType, Tensor } from '@forge/tensor';
import { type Dim, normalizeDim } from './dim.ts';
import type { Operator } from './operators.ts';
import { checkSignature } from './signature.ts';

/** The dtype and the shape of a value. */
export interface ValueType<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: readonly Dim[];
}

/** A tensor of a graph that is not computed yet. Immutable; compared by identity. */
export interface Value<D extends DType = DType> extends ValueType<D> {
  readonly source: Source;
  /** Where each symbolic size in the value's history can be read at run time. */
  readonly symbols: ReadonlyMap<string, AxisOfInput>;
}

/** A value that is fed by its name. */
export interface Input<Name extends string = string, D extends DType = DType> extends Value<D> {
  readonly source: { readonly kind: 'input'; readonly name: Name };
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
  readonly promises: Promises;
}

/** What the caller of an operator promises of its operands: known to gradients, and no part of the file. */
export interface Promises {
  /** No index occurs twice, negative ones counted from the end. */
  readonly distinctIndices?: boolean;
}

/** An attribute says which of ONNX's kinds it is, since JavaScript has one kind of number. */
export type Attribute =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly tensor: Tensor };

export type Attributes = Readonly<Record<string, Attribute>>;

/** The attributes of a node by name: the order in which they were given means nothing. */
export function sortedAttributes({ attributes }: { readonly attributes: Attributes }): [name: string, Attribute][] {
  return Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * An input of the graph, fed by `name` at run time.
 *
 * @throws {RangeError} when a size is neither an integer ≥ 0 nor a polynomial of names.
 */
export function input<Name extends string, D extends DType>(
  name: Name,
  dtype: D,
  shape: readonly Dim[],
): Input<Name, D> {
  const dims = shape.map(normalizeDim);
  for (const dim of dims) if (typeof dim === 'number' && dim < 0) throw new RangeError(`Input "${name}": size ${dim}.`);
  const symbols = new Map<string, AxisOfInput>();
  const value: Input<Name, D> = { dtype, shape: dims, source: { kind: 'input', name }, symbols };
  dims.forEach((dim, axis) => {
    if (typeof dim === 'string' && !symbols.has(dim)) symbols.set(dim, { input: value, axis });
  });
  return value;
}

/** A tensor that is part of the graph. Its data must not change afterwards. */
export function constant<D extends DType>(tensor: Tensor<D>): Value<D> {
  return { dtype: tensor.dtype, shape: tensor.shape, source: { kind: 'constant', tensor }, symbols: new Map() };
}

/** Values of these types. */
type ValuesOf<Types extends readonly ValueType[]> = { readonly [I in keyof Types]: Value<Types[I]['dtype']> };

/**
 * Applies an operator that has several outputs.
 *
 * @throws {DTypeError} when the operator does not take operands of these dtypes.
 */
export function applyAll<const Types extends readonly ValueType[]>(
  op: Operator,
  inputs: readonly (Value | undefined)[],
  types: Types,
  attributes: Attributes = {},
  promises: Promises = {},
): ValuesOf<Types> {
  checkSignature(
    op,
    inputs.map((operand) => operand?.dtype),
    types.map((type) => type.dtype),
  );
  const outputs: Value[] = [];
  const node: Node = { op, inputs, outputs, attributes, promises };
  const symbols = mergeSymbols(inputs);
  types.forEach(({ dtype, shape }, index) => {
    outputs.push({ dtype, shape, source: { kind: 'node', node, index }, symbols });
  });
  return outputs as ValuesOf<Types>; // one for each type, in their order
}

/** Applies an operator for its first output. @throws {DTypeError} as `applyAll`. */
export function apply<D extends DType>(
  op: Operator,
  inputs: readonly (Value | undefined)[],
  type: ValueType<D>,
  attributes: Attributes = {},
  promises: Promises = {},
): Value<D> {
  return applyAll(op, inputs, [type], attributes, promises)[0]!;
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
