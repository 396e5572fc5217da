/** Names among which one was misspelt: those that are nearest, none when none is near. */
export function nearestNames(given: string, names: readonly string[]): readonly string[] {
  return nearest(names, (name) => distance(plain(given), plain(name)), given.length);
}

/** The same for dotted keys: a key of another section is one edit away, and names count without their sections. */
export function nearestKeys(given: string, keys: readonly string[]): readonly string[] {
  const [section, name] = split(given);
  return nearest(
    keys,
    (key) => {
      const [otherSection, otherName] = split(key);
      const elsewhere = distance(plain(name), plain(otherName)) + (section === otherSection ? 0 : 1);
      return Math.min(elsewhere, distance(plain(given), plain(key)));
    },
    name.length,
  );
}

/** The names of least cost, if a third of the letters or fewer have to change. */
function nearest(names: readonly string[], cost: (name: string) => number, length: number): readonly string[] {
  const costs = names.map(cost);
  const least = Math.min(...costs);
  return least <= Math.ceil(length / 3) ? names.filter((_, i) => costs[i] === least) : [];
}

function split(key: string): readonly [section: string, name: string] {
  const dot = key.lastIndexOf('.');
  return [key.slice(0, Math.max(0, dot)), key.slice(dot + 1)];
}

/** `max_tokens` and `maxTokens` are one name. */
const plain = (name: string) => name.toLowerCase().replaceAll(/[_-]/g, '');

/** Letters to insert, delete, replace, or swap with their neighbour: the optimal string alignment distance. */
export function distance(a: string, b: string): number {
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1, isSwapped ? before[j - 2]! + 1 : Infinity));
    }
    [before, row] = [row, next];
  }
  return row[b.length]!; // of b.length + 1 numbers
}
