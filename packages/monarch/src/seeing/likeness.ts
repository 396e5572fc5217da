import { stripVTControlCharacters } from 'node:util';

/** What tells when and where a line was printed, not what it says. */
const WHEN_AND_WHERE = new RegExp(
  [
    /\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?/, // a date with its time
    /\b\d\d:\d\d:\d\d(?:[.,]\d+)?/, // a time of day
    /\b1\d{12}\b/, // milliseconds since 1970, from 2001 to 2033
    /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/, // a UUID
    /\b0x[0-9a-f]+\b/, // an address
    /\b(?=\d*[a-f])(?=[a-f]*\d)[0-9a-f]{8,}\b/, // a hash
    /\bpid"?[:= ]+\d+/, // a process
  ]
    .map(({ source }) => source)
    .join('|'),
  'gi',
);

/** Equal for lines that say the same. Times, addresses, hashes and process ids may differ, and colours; other numbers may not. */
export function likeness(text: string): string {
  return stripVTControlCharacters(text).replace(WHEN_AND_WHERE, '#');
}
