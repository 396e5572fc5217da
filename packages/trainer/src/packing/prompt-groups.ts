import type { Sequence } from './sequence.ts';

/** Sequences that begin with one prefix, and what each of them adds to it. */
export interface PromptGroup {
  /** Read once for all members: their prompt without its last token. Empty where sequences have nothing in common. */
  readonly prefixIds: readonly number[];
  readonly members: readonly Continuation[];
}

/** What one sequence adds to its prefix. */
export interface Continuation {
  /** The sequence, by its place in the batch. */
  readonly index: number;
  /** Read after the prefix, up to the last token from which something is predicted. At least one. */
  readonly ids: readonly number[];
  /** Places in `tokenIds` of the tokens to score, rising. */
  readonly picks: readonly number[];
}

/**
 * Groups sequences by their prompt: what has a prompt of its own goes, as a whole, into the one group without a prefix.
 * Tokens that are masked out are not scored, and a sequence without a token to score is left out.
 *
 * The last token of a prompt is read with each completion: the first token of each is predicted from it, so that no two
 * tokens are predicted from one.
 *
 * @param masks - 0 where a token need not be scored. @default all are
 * @param sharePrompts - false puts every sequence into the group without a prefix.
 */
export function promptGroups(
  sequences: readonly Sequence[],
  masks: readonly ArrayLike<number>[] | undefined,
  sharePrompts: boolean,
): readonly PromptGroup[] {
  const picks = sequences.map(({ tokenIds }, index) =>
    tokenIds.flatMap((_, t) => (masks?.[index]?.[t] === 0 ? [] : [t])),
  );
  const byPrompt = new Map<string, number[]>();
  for (const [index, { promptIds }] of sequences.entries()) {
    if (picks[index]!.length === 0) continue;
    const key = sharePrompts && promptIds.length > 1 ? promptIds.join() : `${index}`;
    const members = byPrompt.get(key);
    if (members === undefined) byPrompt.set(key, [index]);
    else members.push(index);
  }
  const all = [...byPrompt.values()];
  const continuation = (index: number, start: number): Continuation => {
    const { promptIds, tokenIds } = sequences[index]!;
    const numRead = promptIds.length + picks[index]!.at(-1)!; // those without a pick were left out
    return { index, ids: [...promptIds, ...tokenIds].slice(start, numRead), picks: picks[index]! };
  };
  const shared = all.filter(({ length }) => length > 1);
  const single = all.filter(({ length }) => length === 1).flat();
  const groups = shared.map((members): PromptGroup => {
    const prefixIds = sequences[members[0]!]!.promptIds.slice(0, -1);
    return { prefixIds, members: members.map((index) => continuation(index, prefixIds.length)) };
  });
  if (single.length > 0) groups.push({ prefixIds: [], members: single.map((index) => continuation(index, 0)) });
  return groups;
}
