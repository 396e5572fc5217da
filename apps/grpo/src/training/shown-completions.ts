import type { Episode } from '@forge/data';

/** Characters of a prompt or completion that are shown. */
const MAX_CHARACTERS = 200;

/** Lines for a terminal: so many of the completions that earned most, and of those that earned least. */
export function shownCompletions(
  episodes: readonly Pick<Episode, 'prompt' | 'completion' | 'reward'>[],
  count: number,
): readonly string[] {
  const scored = episodes.flatMap(({ reward, ...texts }) => (reward === undefined ? [] : [{ reward, ...texts }]));
  const ordered = scored.toSorted((a, b) => b.reward - a.reward);
  const best = ordered.slice(0, count);
  const worst = ordered.slice(Math.max(best.length, ordered.length - count));
  return [...best.map((each) => `best  ${shown(each)}`), ...worst.map((each) => `worst ${shown(each)}`)];
}

const shown = ({
  prompt,
  completion,
  reward,
}: { readonly [key in 'prompt' | 'completion']: string } & { readonly reward: number }) =>
  `${reward.toFixed(3)}  ${short(prompt)} → ${short(completion)}`;

/** On one line, the end of it where it is too long: there the question is, and the answer. */
function short(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > MAX_CHARACTERS ? `…${line.slice(-MAX_CHARACTERS)}` : line;
}
