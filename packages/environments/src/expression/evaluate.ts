import { add, divide, multiply, negate, type Rational, rational } from './rational.ts';

/** What an expression comes to. */
export interface Evaluated {
  readonly value: Rational;
  /** The whole numbers and decimals in it, as they are written, in order. */
  readonly numbers: readonly string[];
}

/** Why a text is not an expression with a value. */
export interface NotEvaluated {
  readonly problem: string;
}

/** Longer texts are refused: numbers stay small, and the depth of parentheses with them. */
const MAX_LENGTH = 200;
const TOKEN = /\s*(?:(\d+(?:\.\d+)?)|(.))/gsu;
/** Other ways to write the operators. */
const SPELLINGS: Readonly<Record<string, string>> = { '×': '*', '·': '*', x: '*', '÷': '/', '−': '-', '–': '-' };

/**
 * The exact value of an arithmetic expression: numbers, `+ - * /` (or `× ÷ −`), and parentheses. Never throws: a text that is
 * no expression has a `problem`.
 */
export function evaluate(text: string): Evaluated | NotEvaluated {
  if (text.length > MAX_LENGTH) return { problem: `It has ${text.length} characters; ${MAX_LENGTH} are allowed.` };
  const tokens = [...text.trimEnd().matchAll(TOKEN)].map(([, number, sign]) => number ?? SPELLINGS[sign!] ?? sign!);
  const numbers: string[] = [];
  let at = 0;
  const next = (...wanted: readonly string[]) => {
    const token = tokens[at];
    if (token === undefined || !wanted.includes(token)) return undefined;
    at += 1;
    return token;
  };
  const factor = (): Rational => {
    if (next('-')) return negate(factor());
    if (next('(')) {
      const value = sum();
      if (!next(')')) throw unexpected(tokens[at], '")"');
      return value;
    }
    const token = tokens[at];
    if (token === undefined || !/^\d/.test(token)) throw unexpected(token, 'a number');
    at += 1;
    numbers.push(token);
    return parseDecimal(token);
  };
  const product = (): Rational => {
    let value = factor();
    for (let sign = next('*', '/'); sign; sign = next('*', '/')) {
      value = sign === '*' ? multiply(value, factor()) : quotient(value, factor());
    }
    return value;
  };
  const sum = (): Rational => {
    let value = product();
    for (let sign = next('+', '-'); sign; sign = next('+', '-')) {
      value = add(value, sign === '+' ? product() : negate(product()));
    }
    return value;
  };
  try {
    const value = sum();
    if (at < tokens.length) throw unexpected(tokens[at], 'an operator');
    return { value, numbers };
  } catch (error) {
    if (error instanceof SyntaxError) return { problem: error.message };
    throw error;
  }
}

function unexpected(token: string | undefined, wanted: string): SyntaxError {
  return new SyntaxError(
    token === undefined ? `It ends where ${wanted} should be.` : `${token} stands where ${wanted} should be.`,
  );
}

function quotient(a: Rational, b: Rational): Rational {
  if (b.numerator === 0n) throw new SyntaxError('It divides by 0.');
  return divide(a, b);
}

function parseDecimal(text: string): Rational {
  const [whole = '', fraction = ''] = text.split('.');
  return rational(BigInt(whole + fraction), 10n ** BigInt(fraction.length));
}
