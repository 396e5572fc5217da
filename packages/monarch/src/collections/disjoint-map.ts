/** The entries of several tables in one map. @throws {RangeError} when two of them have a name in common */
export function disjointMap<T>(...tables: readonly Readonly<Record<string, T>>[]): ReadonlyMap<string, T> {
  const map = new Map<string, T>();
  for (const [name, entry] of tables.flatMap((table) => Object.entries(table))) {
    if (map.has(name))
      throw new RangeError(`Two tables have an entry '${name}': one would hide the other. Rename one.`);
    map.set(name, entry);
  }
  return map;
}
