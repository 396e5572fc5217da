/**
 * The size of an axis: a number, or a symbolic size that is known at run time.
 *
 * A symbolic size is a polynomial of names with integer coefficients: `rows`, `rows*tokens`, `2*past+tokens-1`.
 * Equal polynomials are written as equal strings once they are normalised.
 */
export type Dim = number | string;

/** Coefficients by monomial; a monomial is its sorted names joined by `*`, and `''` is the constant. */
type Polynomial = ReadonlyMap<string, number>;

const TERM = /^(?:(\d+)|[A-Za-z_][\w.]*)(?:\*[A-Za-z_][\w.]*)*$/;

function parse(dim: Dim): Polynomial {
  if (typeof dim === 'number') {
    if (!Number.isSafeInteger(dim)) throw new RangeError(`A size must be an integer, not ${dim}.`);
    return new Map(dim === 0 ? [] : [['', dim]]);
  }
  const polynomial = new Map<string, number>();
  for (const signed of dim.replaceAll(/\s/g, '').replaceAll('-', '+-').split('+')) {
    if (signed === '' && dim.startsWith('-')) continue;
    const term = signed.replace(/^-/, '');
    if (!TERM.test(term)) {
      throw new RangeError(`"${dim}" is not a size: write names, products and sums, such as rows*tokens+1.`);
    }
    const factors = term.split('*');
    const numeric = /^\d+$/.test(factors[0] ?? '');
    const monomial = (numeric ? factors.slice(1) : factors).sort().join('*');
    const coefficient = (numeric ? Number(factors[0]) : 1) * (signed.startsWith('-') ? -1 : 1);
    accumulate(polynomial, monomial, coefficient);
  }
  return polynomial;
}

function accumulate(polynomial: Map<string, number>, monomial: string, coefficient: number): void {
  const sum = (polynomial.get(monomial) ?? 0) + coefficient;
  if (sum === 0) polynomial.delete(monomial);
  else polynomial.set(monomial, sum);
}

const names = (monomial: string): readonly string[] => (monomial === '' ? [] : monomial.split('*'));

/** Highest degree first, then by name: the order in which terms are written and divided. */
function ordered(polynomial: Polynomial): readonly (readonly [monomial: string, coefficient: number])[] {
  return [...polynomial].sort(([a], [b]) => names(b).length - names(a).length || (a < b ? -1 : a > b ? 1 : 0));
}

function format(polynomial: Polynomial): Dim {
  if (polynomial.size === 0) return 0;
  const constant = polynomial.get('');
  if (polynomial.size === 1 && constant !== undefined) return constant;
  const terms = ordered(polynomial).map(([monomial, coefficient]) => {
    const size = Math.abs(coefficient);
    const body = monomial === '' ? `${size}` : size === 1 ? monomial : `${size}*${monomial}`;
    return coefficient < 0 ? `-${body}` : `+${body}`;
  });
  return terms.join('').replace(/^\+/, '');
}

/** The one way in which a size is written. @throws {RangeError} when it is neither an integer nor a polynomial. */
export function normalizeDim(dim: Dim): Dim {
  return format(parse(dim));
}

/** The sum of sizes: `past` and `tokens` give `past+tokens`. */
export function addDims(...dims: readonly Dim[]): Dim {
  const sum = new Map<string, number>();
  for (const dim of dims) for (const [monomial, coefficient] of parse(dim)) accumulate(sum, monomial, coefficient);
  return format(sum);
}

/** `a - b`. */
export function subtractDims(a: Dim, b: Dim): Dim {
  return addDims(a, multiplyDims(-1, b));
}

/** The product of sizes, 1 of none: `rows`, `tokens` and 2 give `2*rows*tokens`. */
export function multiplyDims(...dims: readonly Dim[]): Dim {
  return format(dims.map(parse).reduce(multiply, new Map([['', 1]])));
}

function multiply(a: Polynomial, b: Polynomial): Polynomial {
  const product = new Map<string, number>();
  for (const [left, x] of a) {
    for (const [right, y] of b) accumulate(product, [...names(left), ...names(right)].sort().join('*'), x * y);
  }
  return product;
}

/** `a / b` where the division leaves no rest, else `undefined`. */
export function divideDims(a: Dim, b: Dim): Dim | undefined {
  const divisor = parse(b);
  const leading = ordered(divisor)[0];
  if (leading === undefined) return undefined;
  const rest = new Map(parse(a));
  const quotient = new Map<string, number>();
  while (rest.size > 0) {
    const [monomial, coefficient] = ordered(rest)[0]!;
    const factor = divideMonomials(monomial, leading[0]);
    if (factor === undefined || coefficient % leading[1] !== 0) return undefined;
    const term = coefficient / leading[1];
    accumulate(quotient, factor, term);
    for (const [m, c] of multiply(new Map([[factor, term]]), divisor)) accumulate(rest, m, -c);
  }
  return format(quotient);
}

function divideMonomials(a: string, b: string): string | undefined {
  const left = [...names(a)];
  for (const name of names(b)) {
    const at = left.indexOf(name);
    if (at === -1) return undefined;
    left.splice(at, 1);
  }
  return left.join('*');
}

/** The terms of a size: `2*rows*tokens-1` gives `{2, [rows, tokens]}` and `{-1, []}`. */
export function termsOf(dim: Dim): readonly { readonly coefficient: number; readonly names: readonly string[] }[] {
  return ordered(parse(dim)).map(([monomial, coefficient]) => ({ coefficient, names: names(monomial) }));
}

/** Whether two shapes are the same, sizes compared as they are written. */
export function sameDims(a: readonly Dim[], b: readonly Dim[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

/** A size as a number, given the numbers of its symbols. @throws {RangeError} when one is missing. */
export function evaluateDim(dim: Dim, symbols: Readonly<Record<string, number>>): number {
  if (typeof dim === 'number') return dim;
  const numberOf = (name: string): number => {
    const value = symbols[name];
    if (value === undefined) throw new RangeError(`The size ${dim} needs ${name}, which is not given.`);
    return value;
  };
  return termsOf(dim).reduce(
    (sum, { coefficient, names }) => sum + names.reduce((product, name) => product * numberOf(name), coefficient),
    0,
  );
}
