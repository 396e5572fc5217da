/** What a field says of the right answer. */
export interface FoundTarget {
  readonly target: string;
  /** How the answer is arrived at. */
  readonly reasoning?: string;
}

interface Form {
  /** What the field has to do, after "must". */
  readonly rule: string;
  readonly read: (text: string) => FoundTarget | undefined;
}

const SEPARATOR = '####';

/** Where the right answer stands in the field that has it. */
export const targetForms = {
  /** The field is the answer. */
  whole: { rule: 'be a text', read: (text) => ({ target: text.trim() }) },
  /** Behind the last `####`, as in GSM8K. Source: https://github.com/openai/grade-school-math */
  hashes: {
    rule: `end in "${SEPARATOR} <result>"`,
    read: (text) => {
      const at = text.lastIndexOf(SEPARATOR);
      const target = at < 0 ? '' : text.slice(at + SEPARATOR.length).trim();
      return target === '' ? undefined : { target, reasoning: text.slice(0, at).trim() };
    },
  },
  /** In the last `\boxed{…}`, as in MATH. Source: https://github.com/hendrycks/math `math_equivalence.py` */
  boxed: {
    rule: String.raw`contain \boxed{<result>}`,
    read: (text) => {
      const target = lastBoxed(text);
      return target === undefined ? undefined : { target, reasoning: text };
    },
  },
} satisfies Record<string, Form>;

export type TargetForm = keyof typeof targetForms;

function lastBoxed(text: string): string | undefined {
  const opening = /\\f?boxed\s*\{/g;
  let start: number | undefined;
  for (let match = opening.exec(text); match !== null; match = opening.exec(text)) start = opening.lastIndex;
  if (start === undefined) return undefined;
  let depth = 1;
  for (let at = start; at < text.length; at++) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '{') depth += 1;
    else if (text[at] === '}' && --depth === 0) return text.slice(start, at).trim() || undefined;
  }
  return undefined;
}
