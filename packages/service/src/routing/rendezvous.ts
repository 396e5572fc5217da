/** A value that calls have in common which should meet the same replica. A number and its text are the same key. */
export type RoutingKey = string | number | bigint;

/** 32 bits that depend on every character of a text, in order: FNV-1a over its UTF-16 code units. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** A hash in which every bit of `hash` moves every bit, at least 0: the finalizer of MurmurHash3. */
function mixed(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * The one of `places` that has the key: of all it gives this key the highest score. A place that leaves loses its own
 * keys to all others evenly and moves none of theirs; one that joins takes an even share and moves no others.
 *
 * Source: Thaler and Ravishankar, "A name-based mapping scheme for rendezvous" (1996).
 */
export function rendezvous<P extends { readonly index: number }>(places: readonly P[], key: RoutingKey): P | undefined {
  const hash = hashOf(String(key));
  let best: P | undefined;
  let highest = -1;
  for (const place of places) {
    const score = mixed(hash ^ Math.imul(place.index + 1, 0x9e3779b9));
    if (score > highest) [best, highest] = [place, score];
  }
  return best;
}
