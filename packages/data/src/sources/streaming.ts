import { SourceError } from '../errors.ts';
import type { FoundSource } from './scan-source.ts';

/** @throws {SourceError} when a file can only be read from its beginning */
export function checkSeekable({ path, files }: FoundSource): void {
  const file = files.find((name) => /\.(gz|zst)$/.test(name));
  if (file === undefined) return;
  const problem = `${file} is compressed as a whole, so it cannot be read from its middle. Unpack it, or read it without streaming.`;
  throw new SourceError(path, problem);
}
