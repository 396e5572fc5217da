import { readFileSync } from 'node:fs';

/** Numbers that the Python reference libraries computed. The caller names the shape of the file. */
export function readGolden<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`./golden/${name}`, import.meta.url), 'utf8')) as T;
}
