import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';

/**
 * Writes a JSON file, indented as Python's libraries do. It is put into its place at once: a reader sees the old one or the
 * new one, and a failure leaves the old one.
 */
export async function writeJson(file: string, json: unknown): Promise<void> {
  const unfinished = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await writeFile(unfinished, `${JSON.stringify(json, undefined, 2)}\n`, { flush: true });
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
