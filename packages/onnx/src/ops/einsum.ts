import type { DType } from '@forge/tensor';
import { type Dim, multiplyDims } from '../dim.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../value.ts';
import { matMul } from './mat-mul.ts';
import { reduceSum } from './reduce.ts';
import { reshape, transpose } from './reshape.ts';

/** A value whose axes have letters. */
interface Lettered<D extends DType = DType> {
  readonly value: Value<D>;
  readonly letters: readonly string[];
}

/**
 * Products of elements, summed over the axes that the result does not name: `einsum('bqd,bkd->bqk', query, key)`.
 * Operands are joined from left to right, each pair by one batched product of matrices.
 *
 * @param equation - a letter for each axis of each operand, and after `->` those of the result in their order.
 * @throws {ShapeError} when the equation does not fit the operands, or axes of one letter differ in size.
 * Source: PyTorch's `einsum`, without `...` and diagonals.
 */
export function einsum<D extends DType>(equation: string, ...operands: readonly Value<D>[]): Value<D> {
  const { terms, result } = parse(equation, operands);
  const joined = terms.reduce((left, right, i) => {
    const later = terms.slice(i + 1).flatMap(({ letters }) => letters);
    return contract(left, right, new Set([...result, ...later]));
  });
  const { value, letters } = sumExcept(joined, new Set(result));
  return transpose(
    value,
    result.map((letter) => letters.indexOf(letter)),
  );
}

function parse<D extends DType>(equation: string, operands: readonly Value<D>[]) {
  const refuse = (reason: string): never => {
    const shapes = operands.map(({ shape }) => shape);
    throw new ShapeError('Einsum', shapes, `"${equation}" ${reason}`);
  };
  const match = /^([a-zA-Z,]*)->([a-zA-Z]*)$/.exec(equation.replaceAll(' ', ''));
  if (match === null) return refuse('is no equation such as "ij,jk->ik"');
  const names = match[1]!.split(',').map((letters) => [...letters]);
  const result = [...match[2]!];
  if (names.length !== operands.length || operands.length === 0) return refuse(`names ${names.length} operands`);
  const sizes = new Map<string, Dim>();
  for (const [i, letters] of names.entries()) {
    const { shape } = operands[i]!;
    if (letters.length !== shape.length) refuse(`gives operand ${i} ${letters.length} axes`);
    for (const [axis, letter] of letters.entries()) {
      const size = sizes.get(letter) ?? shape[axis]!;
      if (size !== shape[axis]) refuse(`wants ${letter} to be ${size} and ${shape[axis]}`);
      sizes.set(letter, size);
    }
  }
  for (const letters of [...names, result]) {
    if (new Set(letters).size !== letters.length) refuse(`repeats a letter in ${letters.join('')}`);
  }
  const unknown = result.find((letter) => !sizes.has(letter));
  if (unknown !== undefined) refuse(`has no operand with an axis ${unknown}`);
  return { terms: names.map((letters, i): Lettered<D> => ({ value: operands[i]!, letters })), result };
}

/** The sum over the axes that are in neither operand of what follows. */
function sumExcept<D extends DType>({ value, letters }: Lettered<D>, kept: ReadonlySet<string>): Lettered<D> {
  const gone = letters.flatMap((letter, axis) => (kept.has(letter) ? [] : [axis]));
  if (gone.length === 0) return { value, letters };
  return { value: reduceSum(value, gone), letters: letters.filter((letter) => kept.has(letter)) };
}

/** The product of two operands, summed over the axes that are not kept. */
function contract<D extends DType>(a: Lettered<D>, b: Lettered<D>, kept: ReadonlySet<string>): Lettered<D> {
  const left = sumExcept(a, new Set([...kept, ...b.letters]));
  const right = sumExcept(b, new Set([...kept, ...a.letters]));
  const both = left.letters.filter((letter) => right.letters.includes(letter));
  const [batch, inner] = [both.filter((letter) => kept.has(letter)), both.filter((letter) => !kept.has(letter))];
  const rows = left.letters.filter((letter) => !both.includes(letter));
  const columns = right.letters.filter((letter) => !both.includes(letter));
  const product = matMul(asMatrices(left, batch, [rows, inner]), asMatrices(right, batch, [inner, columns]));
  const letters = [...batch, ...rows, ...columns];
  const dims = letters.map((letter) => sizeOf(left, letter) ?? sizeOf(right, letter)!);
  return { value: reshape(product, dims, { sizesFrom: [left.value, right.value] }), letters };
}

/** The axes of `batch`, then one for all rows and one for all columns. */
function asMatrices<D extends DType>(
  term: Lettered<D>,
  batch: readonly string[],
  sides: readonly (readonly string[])[],
): Value<D> {
  const order = [...batch, ...sides.flat()].map((letter) => term.letters.indexOf(letter));
  const dimsOf = (letters: readonly string[]): readonly Dim[] => letters.map((letter) => sizeOf(term, letter)!);
  const dims = [...dimsOf(batch), ...sides.map((letters) => multiplyDims(...dimsOf(letters)))];
  return reshape(transpose(term.value, order), dims, { sizesFrom: [term.value] });
}

function sizeOf({ value, letters }: Lettered, letter: string): Dim | undefined {
  const axis = letters.indexOf(letter);
  return axis === -1 ? undefined : value.shape[axis];
}
