import { tensor } from '@forge/tensor';
import { addDims, type Dim, multiplyDims, termsOf } from './dim.ts';
import { ShapeError } from './errors.ts';
import { apply, constant, type Node, nodeOf, type Value } from './value.ts';

/** Where an operator may read symbolic sizes. */
export interface SizesFrom {
  /** Values whose inputs have axes of the symbolic sizes that are written. @default the operands */
  readonly sizesFrom?: readonly Value[];
}

/** A 1-D int64 constant: axes, sizes, pads and offsets are passed to operators this way. */
export function integers(values: readonly number[]): Value<'int64'> {
  return constant(tensor('int64', [values.length], BigInt64Array.from(values, BigInt)));
}

/**
 * Sizes as an int64 tensor: a constant where all are numbers, else read at run time from the shapes of the graph
 * inputs that `from` was computed from.
 *
 * @throws {ShapeError} when a symbol is the size of no axis of those inputs.
 */
export function sizes(op: string, dims: readonly Dim[], from: readonly Value[]): Value<'int64'> {
  if (dims.every((dim) => typeof dim === 'number')) return integers(dims);
  const parts: Value<'int64'>[] = [];
  let literals: number[] = [];
  const flush = (): void => {
    if (literals.length > 0) parts.push(integers(literals));
    literals = [];
  };
  for (const dim of dims) {
    if (typeof dim === 'number') {
      literals.push(dim);
    } else {
      flush();
      parts.push(symbolicSize(op, dim, from));
    }
  }
  flush();
  if (parts.length === 1) return parts[0]!;
  return apply('Concat', parts, { dtype: 'int64', shape: [dims.length] }, { axis: { int: 0 } });
}

/** One symbolic size as int64 [1]. */
function symbolicSize(op: string, dim: string, from: readonly Value[]): Value<'int64'> {
  const whole = readSize(dim, from);
  if (whole !== undefined) return whole;
  const type = { dtype: 'int64', shape: [1] } as const;
  const terms = termsOf(dim).map(({ coefficient, names }) => {
    const factors = names.map((name) => {
      const size = readSize(name, from);
      if (size !== undefined) return size;
      const reason = `the size ${name} is no axis of an input that it depends on; name such a value in sizesFrom`;
      throw new ShapeError(op, [[dim]], reason);
    });
    if (coefficient !== 1 || factors.length === 0) factors.push(integers([coefficient]));
    return factors.reduce((a, b) => apply('Mul', [a, b], type));
  });
  return terms.reduce((a, b) => apply('Add', [a, b], type));
}

function readSize(name: string, from: readonly Value[]): Value<'int64'> | undefined {
  for (const value of from) {
    const origin = value.symbols.get(name);
    if (origin === undefined) continue;
    const range = { start: { int: origin.axis }, end: { int: origin.axis + 1 } };
    return apply('Shape', [origin.input], { dtype: 'int64', shape: [1] }, range);
  }
  return undefined;
}

/** The sizes that `sizes` was given. @throws {ShapeError} for a value that it did not make. */
export function dimsOf(op: string, value: Value): readonly Dim[] {
  if (value.source.kind === 'constant') return Array.from(value.source.tensor.data, Number);
  const node = nodeOf(value);
  const operands = node?.inputs.flatMap((operand) => operand ?? []) ?? [];
  if (node?.op === 'Shape') return operands[0]!.shape.slice(intOf(node, 'start'), intOf(node, 'end'));
  const parts = operands.map((operand) => dimsOf(op, operand));
  if (node?.op === 'Concat') return parts.flat();
  if (node?.op === 'Mul') return [multiplyDims(...parts.flat())];
  if (node?.op === 'Add') return [addDims(...parts.flat())];
  throw new ShapeError(op, [value.shape], 'its sizes are computed from data');
}

function intOf({ attributes }: Node, name: string): number | undefined {
  const attribute = attributes[name];
  return attribute !== undefined && 'int' in attribute ? attribute.int : undefined;
}
