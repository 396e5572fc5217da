import { type Expression, parseExpression, type Variables } from './parse.ts';

/** Relative difference of values that count as equal, in units of the larger; and absolute below 1. */
const TOLERANCE = 1e-9;
/** Points at which expressions with variables are compared: no two that differ agree at all of them but by malice. */
const POINTS = 12;

/**
 * Whether two expressions mean the same: equal numbers, or equal at every one of some points when they have variables; lists
 * and tuples by element. The left side of `x = 3` is dropped when the other has none. What cannot be read equals nothing.
 */
export function areEqual(left: string, right: string): boolean {
  const [a, b] = [sidesOf(left), sidesOf(right)];
  if (a.length === b.length) return a.every((side, i) => areEqualLists(side, b[i]!)); // of equal length
  return areEqualLists(a.at(-1)!, b.at(-1)!); // each has a side
}

function areEqualLists(left: string, right: string): boolean {
  const [a, b] = [elementsOf(left), elementsOf(right)];
  return (
    a.length === b.length &&
    (a.length === 1 || bracketsOf(left) === bracketsOf(right)) &&
    a.every((element, i) => areEqualValues(parseExpression(element), parseExpression(b[i]!)))
  );
}

function areEqualValues(left: Expression | undefined, right: Expression | undefined): boolean {
  if (left === undefined || right === undefined) return false;
  const names = [...new Set([...left.variables, ...right.variables])].toSorted();
  let compared = 0;
  for (const point of pointsOf(names)) {
    const [a, b] = [left.at(point), right.at(point)];
    if (Number.isNaN(a) !== Number.isNaN(b)) return false;
    if (Number.isNaN(a)) continue;
    if (!areClose(a, b)) return false;
    compared++;
  }
  return compared > 0;
}

/** Within the tolerance; an infinite value only equals itself. */
function areClose(a: number, b: number): boolean {
  if (a === b) return true;
  const scale = Math.max(1, Math.abs(a), Math.abs(b));
  return Number.isFinite(scale) && Math.abs(a - b) <= TOLERANCE * scale;
}

/** Points between -3 and 3, the same in every process: multiples of irrational numbers, far from anything special. */
function pointsOf(names: readonly string[]): readonly Variables[] {
  if (names.length === 0) return [{}];
  return Array.from({ length: POINTS }, (_, point) =>
    Object.fromEntries(names.map((name, i) => [name, (((point + 1) * Math.SQRT2 * (i + 1) + Math.PI * i) % 6) - 3])),
  );
}

/** LaTeX says how large brackets are, and which braces are signs. */
const withoutSizes = (text: string): string => text.replaceAll(/\\(?=[{}])|\\(?:left|right)(?![a-zA-Z])/g, '').trim();

const sidesOf = (text: string): readonly string[] => text.split('=').map((side) => side.trim());

function bracketsOf(text: string): string {
  const plain = withoutSizes(text);
  return `${plain[0]}${plain.at(-1)}`;
}

/** The elements of `(1, 2)`, `[1, 2]`, `{1, 2}` or `1, 2`; a thousands comma has no space and three digits after it. */
function elementsOf(text: string): readonly string[] {
  const plain = withoutSizes(text);
  const inner = /^[([{](.*)[)\]}]$/s.exec(plain)?.[1];
  const body = inner?.includes(',') ? inner : plain;
  const elements: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < body.length; i++) {
    const sign = body[i]!; // within the body
    if ('([{'.includes(sign)) depth++;
    else if (')]}'.includes(sign)) depth--;
    else if (sign === ',' && depth === 0 && !/^\d{3}(?!\d)/.test(body.slice(i + 1))) {
      elements.push(body.slice(start, i));
      start = i + 1;
    }
  }
  return [...elements, body.slice(start)];
}
