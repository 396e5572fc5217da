/** Edits that turn one text into the other: insertions, deletions and replacements. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const replace = previous[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replace, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}

/** Candidates looked at: a comparison takes microseconds, and the store must not stall over a misspelled key. */
const maxCandidates = 500;

/** The keys that are spelled most like `key`, best first; those that differ in more than half of it are left out. */
export function nearestKeys(key: string, keys: Iterable<string>, count = 3): string[] {
  const ranked: { key: string; distance: number }[] = [];
  let seen = 0;
  for (const candidate of keys) {
    seen += 1;
    if (seen > maxCandidates) break;
    if (Math.abs(candidate.length - key.length) > key.length / 2) continue;
    const distance = editDistance(key, candidate);
    if (distance <= key.length / 2) ranked.push({ key: candidate, distance });
  }
  return ranked
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map((each) => each.key);
}

/** Keys below the closest ancestor of a key that has any. */
export function* relatives(key: string, keysBelow: (prefix: string) => Iterable<string>): Generator<string> {
  const components = key.split('.');
  for (let depth = components.length - 1; depth >= 0; depth -= 1) {
    let hasAny = false;
    for (const relative of keysBelow(components.slice(0, depth).join('.'))) {
      hasAny = true;
      yield relative;
    }
    if (hasAny) return;
  }
}
