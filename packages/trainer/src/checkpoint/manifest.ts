import { createReadStream } from 'node:fs';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { WrittenFile } from '@forge/models';
import { CheckpointError } from '../errors.ts';

const MANIFEST_FILE = 'manifest.json';

/** A file of a checkpoint as it was when the checkpoint was complete. */
interface ManifestEntry extends WrittenFile {
  readonly name: string;
}

/**
 * Lists every file of a folder with its size and checksum. Written last, it makes a checkpoint complete.
 *
 * @param written - files that were summed while they were written; the others are read.
 */
export async function writeManifest(folder: string, written: ReadonlyMap<string, WrittenFile>): Promise<void> {
  const names = (await readdir(folder)).toSorted();
  const files: ManifestEntry[] = [];
  for (const name of names) {
    const known = written.get(name);
    files.push(known === undefined ? await describe(folder, name) : { name, ...known });
  }
  await using handle = await open(join(folder, MANIFEST_FILE), 'w');
  await handle.writeFile(`${JSON.stringify({ files }, undefined, 2)}\n`);
  await handle.sync();
}

/** @throws {CheckpointError} when the manifest or a file that it lists is missing, or a file is not what it was. */
export async function verifyManifest(folder: string): Promise<void> {
  for (const entry of await readManifest(folder)) {
    const { bytes, crc32: checksum } = await describe(folder, entry.name).catch((cause: NodeJS.ErrnoException) => {
      throw new CheckpointError(folder, `${entry.name}: ${cause.code ?? cause.message}.`, { cause });
    });
    if (bytes !== entry.bytes)
      throw new CheckpointError(folder, `${entry.name} has ${bytes} bytes, not ${entry.bytes}.`);
    if (checksum !== entry.crc32)
      throw new CheckpointError(folder, `${entry.name} is damaged: its checksum is another one.`);
  }
}

async function readManifest(folder: string): Promise<readonly ManifestEntry[]> {
  try {
    const { files } = JSON.parse(await readFile(join(folder, MANIFEST_FILE), 'utf8')) as {
      files: readonly ManifestEntry[];
    };
    if (files.every(({ name, bytes, crc32: sum }) => typeof name === 'string' && Number.isInteger(bytes + sum)))
      return files;
  } catch (cause) {
    throw new CheckpointError(folder, `it is not complete: ${MANIFEST_FILE} is missing or malformed.`, { cause });
  }
  throw new CheckpointError(folder, `${MANIFEST_FILE} needs the name, bytes and crc32 of each file.`);
}

async function describe(folder: string, name: string): Promise<ManifestEntry> {
  const file = join(folder, name);
  let checksum = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 22 }))
    checksum = crc32(chunk as Buffer, checksum); // no encoding
  return { name, bytes: (await stat(file)).size, crc32: checksum };
}
