/** Settings by their dotted keys, values as JSON. */
export function flatSettings(value: unknown, key = ''): ReadonlyMap<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return new Map(value === undefined ? [] : [[key, JSON.stringify(value)]]);
  }
  return new Map(
    Object.entries(value).flatMap(([name, each]) => [...flatSettings(each, key === '' ? name : `${key}.${name}`)]),
  );
}
