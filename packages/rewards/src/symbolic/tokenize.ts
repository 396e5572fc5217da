/** A piece of an expression. */
export interface Token {
  readonly kind: 'number' | 'name' | 'symbol';
  readonly text: string;
}

const TOKEN = /\s*(?:(\d+(?:,\d{3})*(?:\.\d*)?|\.\d+)|\\?([a-zA-Z]+)|([-+*/^()=,%|{}[\]]))/y;

/** Ways to write the same: LaTeX and typographic signs, and the signs they stand for here. */
const SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [/\\(?:left|right|displaystyle|,|;|!|:|quad|qquad)(?![a-zA-Z])|\\\s|\$|~/g, ' '],
  [/\\(?:text|mathrm|operatorname|mathbf)(?=\{)/g, ''],
  [/\\(?:cdot|times)(?![a-zA-Z])|[×·⋅∙]/g, '*'],
  [/\*\*/g, '^'],
  [/\\div(?![a-zA-Z])|÷/g, '/'],
  [/\\%/g, '%'],
  [/[−–]/g, '-'],
  [/\\[dt]frac(?![a-zA-Z])/g, '\\frac'],
  // Without braces LaTeX takes one digit: \frac12 is a half.
  [/\\frac\s*(\d)\s*(\d)/g, '\\frac{$1}{$2}'],
  [/\\(frac|sqrt)\s*(\d)(?=\s*[\d{])/g, '\\$1{$2} '],
  [/\\(?=[{}])/g, ''],
  [/π/g, ' pi '],
  [/√/g, ' sqrt '],
  [/²/g, '^2'],
  [/³/g, '^3'],
  [/\^\{?\\circ\}?|°/g, ' '],
];

/** Splits an expression, plain or LaTeX. @returns nothing when something in it has no meaning here. */
export function tokenize(expression: string): readonly Token[] | undefined {
  const text = SPELLINGS.reduce(
    (spelled, [written, meant]) => spelled.replaceAll(written, meant),
    expression,
  ).trimEnd();
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let position = 0; position < text.length; position = TOKEN.lastIndex) {
    const match = TOKEN.exec(text);
    if (match === null) return undefined;
    const [, number, name, symbol] = match;
    if (number !== undefined) tokens.push({ kind: 'number', text: number.replaceAll(',', '') });
    else if (name !== undefined) tokens.push(...wordsOf(name));
    else if (symbol !== undefined) tokens.push({ kind: 'symbol', text: symbol });
  }
  return tokens;
}

const WORDS = new Set(['frac', 'sqrt', 'sin', 'cos', 'tan', 'ln', 'log', 'exp', 'abs', 'pi', 'infty']);

/** A word that means something is one name; any other is a product of letters, as in `xy`. */
function wordsOf(name: string): readonly Token[] {
  const names = WORDS.has(name) ? [name] : [...name];
  return names.map((text) => ({ kind: 'name', text }));
}
