import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';

/** Puts a file into its place at once: a reader sees the old one or the new one, and a failure leaves the old one. */
export async function replaceFile(file: string, write: (unfinished: string) => Promise<void>): Promise<void> {
  const unfinished = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await write(unfinished);
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** Writes a text file as {@link replaceFile} does. */
export const writeWhole = (file: string, text: string): Promise<void> =>
  replaceFile(file, (unfinished) => writeFile(unfinished, text, { flush: true }));
