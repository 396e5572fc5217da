import { WHITESPACE } from './whitespace.ts';

const DECORATION = new RegExp(`[$,${WHITESPACE}]`, 'gu');
const DIGIT = /^\p{Nd}$/u;
const FOREIGN_DIGITS = /(?![0-9])\p{Nd}/gu;
const STRAY_UNDERSCORE = /(?<![0-9])_|_(?![0-9])/;
const DECIMAL = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?$/i;
const NAMED = /^([+-]?)(?:(inf|infinity)|nan)$/i;

/** Digits of every script stand in runs of ten that start with its zero (Unicode Standard, section 4.6). */
function toAsciiDigit(digit: string): string {
  const codePoint = digit.codePointAt(0)!;
  let predecessors = 0;
  while (DIGIT.test(String.fromCodePoint(codePoint - predecessors - 1))) predecessors++;
  return String(predecessors % 10);
}

/**
 * The number that a text holds once `$`, `,` and white space are taken out, `undefined` when the rest is not a number.
 *
 * Reads what Python's `float()` reads: `1_000`, `5.`, `.5`, `1e3`, digits of other scripts, and also `inf` and `nan`,
 * so the result may be infinite or `NaN`; no hexadecimal, no empty text.
 *
 * Source: TorchForge `forge/data/rewards.py`, `MathReward._to_float`.
 */
export function parseNumber(text: string): number | undefined {
  const literal = text.replace(DECORATION, '').replace(FOREIGN_DIGITS, toAsciiDigit);
  const named = NAMED.exec(literal);
  if (named) return named[2] === undefined ? Number.NaN : Number(`${named[1]}Infinity`);
  if (STRAY_UNDERSCORE.test(literal)) return undefined;
  const digits = literal.replaceAll('_', '');
  return DECIMAL.test(digits) ? Number(digits) : undefined;
}

/**
 * A number as Python writes it: whole ones in full without a point, `inf`, `nan`, otherwise the shortest decimal that
 * reads back, with an exponent of at least two digits below 1e-4.
 */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Number.isInteger(value)) return BigInt(value).toString();
  if (Math.abs(value) >= 1e-4) return String(value);
  return value.toExponential().replace(/e-([0-9])$/, 'e-0$1');
}
