/** Bytes from the first to the last of a pair. */
export type ByteRange = readonly [from: number, to: number];

/** A set of texts, as sequences of bytes. What may contain itself, or is used more than once, is a rule. */
export type Grammar =
  | { readonly kind: 'byte'; readonly ranges: readonly ByteRange[] }
  | { readonly kind: 'sequence'; readonly parts: readonly Grammar[] }
  | { readonly kind: 'choice'; readonly alternatives: readonly Grammar[] }
  | { readonly kind: 'repeat'; readonly part: Grammar; readonly min: number; readonly max: number }
  | { readonly kind: 'rule'; readonly rule: Rule };

/** A part of a grammar that is written once, wherever it is used; its body may use it again. */
export interface Rule {
  /** Called once, when the grammar is compiled. */
  readonly body: () => Grammar;
}

/** The empty text. */
export const empty: Grammar = { kind: 'sequence', parts: [] };

/** No text at all. */
export const nothing: Grammar = { kind: 'choice', alternatives: [] };

const encoder = new TextEncoder();

/** One text. */
export function literal(text: string): Grammar {
  const bytes = Array.from(encoder.encode(text), (byte): Grammar => ({ kind: 'byte', ranges: [[byte, byte]] }));
  return { kind: 'sequence', parts: bytes };
}

/** One part after the other. */
export const sequence = (...parts: readonly Grammar[]): Grammar => ({ kind: 'sequence', parts });

/** One of the alternatives. */
export const choice = (...alternatives: readonly Grammar[]): Grammar => ({ kind: 'choice', alternatives });

/** `min` to `max` times a part; `max` may be infinite. */
export const repeat = (part: Grammar, min: number, max: number): Grammar => ({ kind: 'repeat', part, min, max });

/** A part or nothing. */
export const optional = (part: Grammar): Grammar => repeat(part, 0, 1);

/** A part that is written once however often the result is used. */
export function rule(body: () => Grammar): Grammar {
  return { kind: 'rule', rule: { body } };
}

/** One of some texts; what they begin with together is written once. */
export function oneOf(texts: readonly string[]): Grammar {
  const [only, ...others] = texts;
  if (only !== undefined && others.length === 0) return literal(only);
  const byFirst = new Map<string, string[]>();
  for (const text of texts) {
    const first = String.fromCodePoint(...[text.codePointAt(0)].filter((point) => point !== undefined));
    const rests = byFirst.get(first) ?? [];
    byFirst.set(first, rests);
    rests.push(text.slice(first.length));
  }
  return choice(
    ...[...byFirst].map(([first, rests]) => (first === '' ? empty : sequence(literal(first), oneOf(rests)))),
  );
}
