/** Addresses of this process: from `start`, up to but not including `end`. */
export interface Mapping {
  readonly start: bigint;
  readonly end: bigint;
}

/** `start-end rw-p offset device 0`, without a path or of the heap: memory that was allocated. */
const ALLOCATED = /^([0-9a-f]+)-([0-9a-f]+) rw-p \S+ \S+ 0(?: +\[heap\]| *)$/gm;

/** The mappings of allocated memory in the text of `/proc/self/maps`, in order. */
export function allocatedMappings(maps: string): readonly Mapping[] {
  return Array.from(maps.matchAll(ALLOCATED), ([, start, end]) => ({
    start: BigInt(`0x${start}`),
    end: BigInt(`0x${end}`),
  }));
}

/** The pieces of `mappings` that are in none of `others`; both in order and without overlaps. */
export function withoutMappings(mappings: readonly Mapping[], others: readonly Mapping[]): readonly Mapping[] {
  const pieces: Mapping[] = [];
  let at = 0;
  for (const { start, end } of mappings) {
    let from = start;
    while (at < others.length && others[at]!.end <= from) at++;
    for (let next = at; next < others.length && others[next]!.start < end; next++) {
      const other = others[next]!;
      if (other.start > from) pieces.push({ start: from, end: other.start });
      if (other.end > from) from = other.end;
    }
    if (from < end) pieces.push({ start: from, end });
  }
  return pieces;
}
