const TAG = /<(\/?)answer>/gi;

/** A completion, taken apart at its answer tags. */
export interface TaggedAnswer {
  /** The text of the last pair, without a pair none. */
  readonly answer: string | undefined;
  /** What stands outside of all pairs. */
  readonly rest: string;
}

/** Finds the last `<answer>…</answer>`; the case of the tags does not matter. Linear in the text. */
export function taggedAnswer(completion: string): TaggedAnswer {
  let answer: string | undefined;
  let rest = '';
  let position = 0;
  let opened: { readonly tag: number; readonly text: number } | undefined;
  for (const tag of completion.matchAll(TAG)) {
    const end = tag.index + tag[0].length;
    if (tag[1] === '') opened ??= { tag: tag.index, text: end };
    else if (opened !== undefined) {
      answer = completion.slice(opened.text, tag.index);
      rest += completion.slice(position, opened.tag);
      position = end;
      opened = undefined;
    }
  }
  return { answer, rest: rest + completion.slice(position) };
}

/** The content of the last `\boxed{…}`, braces within it included. */
export function boxedAnswer(completion: string): string | undefined {
  const start = completion.lastIndexOf('\\boxed{');
  if (start < 0) return undefined;
  const text = start + '\\boxed{'.length;
  let depth = 1;
  for (let i = text; i < completion.length; i++) {
    if (completion[i] === '{') depth++;
    else if (completion[i] === '}' && --depth === 0) return completion.slice(text, i);
  }
  return undefined;
}

/** What a completion gives as its answer: the last tagged one, else the last boxed one. */
export function finalAnswer(completion: string): string | undefined {
  return taggedAnswer(completion).answer ?? boxedAnswer(completion);
}
