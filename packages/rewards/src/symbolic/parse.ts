import { type Token, tokenize } from './tokenize.ts';

/** Values of the variables of an expression. */
export type Variables = Readonly<Record<string, number>>;

/** An expression that can be computed. */
export interface Expression {
  /** Names of its variables. */
  readonly variables: ReadonlySet<string>;
  /** Its value, for values of all its variables; NaN where it has none. */
  readonly at: (variables: Variables) => number;
}

type Compute = (variables: Variables) => number;

/** Deeper ones are not what a person, or a model that was asked for an answer, writes. */
const MAX_DEPTH = 64;

const CONSTANTS: Readonly<Record<string, number>> = { pi: Math.PI, e: Math.E, infty: Number.POSITIVE_INFINITY };
const FUNCTIONS: Readonly<Record<string, (value: number) => number>> = {
  sqrt: Math.sqrt,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  ln: Math.log,
  log: Math.log10,
  exp: Math.exp,
  abs: Math.abs,
};

class NotAnExpression extends Error {}

/** Reads an expression of numbers, variables, `+ - * / ^`, fractions, roots and common functions, plain or LaTeX. */
export function parseExpression(text: string): Expression | undefined {
  const tokens = tokenize(text);
  if (tokens === undefined || tokens.length === 0) return undefined;
  const parser = new Parser(tokens);
  try {
    return parser.whole();
  } catch (error) {
    if (error instanceof NotAnExpression) return undefined;
    throw error;
  }
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #variables = new Set<string>();
  #position = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expression {
    const at = this.#sum();
    if (this.#position < this.#tokens.length) throw new NotAnExpression();
    return { variables: this.#variables, at };
  }

  #sum(): Compute {
    if (++this.#depth > MAX_DEPTH) throw new NotAnExpression();
    let left = this.#product();
    for (let sign = this.#take('+', '-'); sign !== undefined; sign = this.#take('+', '-')) {
      const [a, b] = [left, this.#product()];
      left = sign === '+' ? (v) => a(v) + b(v) : (v) => a(v) - b(v);
    }
    this.#depth--;
    return left;
  }

  #product(): Compute {
    let left = this.#signed();
    for (;;) {
      const sign = this.#take('*', '/');
      if (sign === undefined && !this.#beginsFactor()) return left;
      const [a, b] = [left, this.#signed()];
      left = sign === '/' ? (v) => a(v) / b(v) : (v) => a(v) * b(v);
    }
  }

  #signed(): Compute {
    let negative = false;
    for (let sign = this.#take('+', '-'); sign !== undefined; sign = this.#take('+', '-')) {
      if (sign === '-') negative = !negative;
    }
    const value = this.#power();
    return negative ? (v) => -value(v) : value;
  }

  #power(): Compute {
    const base = this.#percent();
    if (this.#take('^') === undefined) return base;
    if (++this.#depth > MAX_DEPTH) throw new NotAnExpression();
    const exponent = this.#signed(); // from the right: 2^3^2 is 2^9
    this.#depth--;
    return (v) => base(v) ** exponent(v);
  }

  #percent(): Compute {
    const value = this.#factor();
    return this.#take('%') === undefined ? value : (v) => value(v) / 100;
  }

  #factor(): Compute {
    const token = this.#tokens[this.#position++];
    if (token?.kind === 'number') {
      const value = Number(token.text);
      return () => value;
    }
    if (token?.kind === 'name') return this.#named(token.text);
    const closing = { '(': ')', '{': '}', '[': ']', '|': '|' }[token?.text ?? ''];
    if (closing === undefined) throw new NotAnExpression();
    const value = this.#sum();
    this.#expect(closing);
    return closing === '|' ? (v) => Math.abs(value(v)) : value;
  }

  #named(name: string): Compute {
    if (name === 'frac') {
      const [over, under] = [this.#argument(), this.#argument()];
      return (v) => over(v) / under(v);
    }
    if (name === 'sqrt' && this.#take('[') !== undefined) {
      const degree = this.#sum();
      this.#expect(']');
      const value = this.#argument();
      return (v) => root(value(v), degree(v));
    }
    const compute = FUNCTIONS[name];
    if (compute !== undefined) {
      const value = this.#argument();
      return (v) => compute(value(v));
    }
    const constant = CONSTANTS[name];
    if (constant !== undefined) return () => constant;
    this.#variables.add(name);
    return (v) => v[name] ?? Number.NaN;
  }

  /** What a function applies to: what is in brackets, or the next factor. */
  #argument(): Compute {
    const token = this.#tokens[this.#position];
    if (token?.kind === 'symbol' && !'({['.includes(token.text)) throw new NotAnExpression();
    return this.#factor();
  }

  #beginsFactor(): boolean {
    const token = this.#tokens[this.#position];
    return token !== undefined && (token.kind !== 'symbol' || '({'.includes(token.text));
  }

  #take(...symbols: readonly string[]): string | undefined {
    const token = this.#tokens[this.#position];
    if (token?.kind !== 'symbol' || !symbols.includes(token.text)) return undefined;
    this.#position++;
    return token.text;
  }

  #expect(symbol: string): void {
    if (this.#take(symbol) === undefined) throw new NotAnExpression();
  }
}

/** The real root of an odd degree exists for negative values, too. */
function root(value: number, degree: number): number {
  return degree % 2 === 1 && value < 0 ? -((-value) ** (1 / degree)) : value ** (1 / degree);
}
