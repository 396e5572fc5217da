import { closeSync, constants, openSync } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { byteCount, type Fetch } from '../byte-box.ts';
import { concurrently } from '../concurrently.ts';
import { VolumeFullError, VolumeUnavailableError } from '../failures.ts';
import { isInMemory, mappedFiles } from '../mapped-files.ts';
import { checksumOf } from '../piece-proof.ts';
import { copyBuffers, SegmentReader, writeBuffers } from '../segment-file.ts';
import { claimWarm, minWarmBytes, removeWarm } from '../warm-segments.ts';
import {
  socketPathOf,
  type Transport,
  type TransportKind,
  type VolumeAddress,
  type WriteOptions,
} from './transport.ts';

/** Segments read at the same time; more gain nothing once the memory bus is busy. */
const maxOpenSegments = 4;

/** Whether this process sees the volume's directory: only then does the file there hold the nonce. */
export async function seesDirectory({ directory, nonce }: VolumeAddress): Promise<boolean> {
  try {
    return (await readFile(join(directory, 'nonce'), 'utf8')) === nonce;
  } catch {
    return false; // another host, or not permitted
  }
}

/** How this process best reaches a volume: a directory that it sees and may not write to has a socket all the same. */
export async function probe(address: VolumeAddress): Promise<TransportKind> {
  if (!(await seesDirectory(address))) return 'websocket';
  const other = socketPathOf(address.directory) === undefined ? 'websocket' : 'unix';
  return access(address.directory, constants.W_OK).then(
    () => 'tmpfs',
    () => other,
  );
}

/** What is read of a segment must be at least so much for a mapping to be worth it. */
const minMappedBytes = 2 ** 18;

/** Reads and writes the files of a volume on the same host: through memory where it can be mapped. */
export function tmpfsTransport(
  { id, directory }: VolumeAddress,
  { isChecked = false }: { readonly isChecked?: boolean } = {},
): Transport {
  const failure = (cause: unknown) =>
    codeOf(cause) === 'ENOSPC'
      ? new VolumeFullError(id, { cause })
      : new VolumeUnavailableError(id, describe(cause), { cause });
  const maps = isInMemory(directory);
  return {
    kind: 'tmpfs',
    isChecked,
    async write(segment, buffers, { overwrites = false, signal } = {}) {
      signal?.throwIfAborted();
      const file = { directory, segment, buffers, maps, overwrites };
      try {
        try {
          await writeSegment(file);
        } catch (error) {
          if (codeOf(error) !== 'ENOSPC') throw error;
          removeWarm(directory);
          mappedFiles.unmapIdle();
          await writeSegment({ ...file, overwrites: true });
        }
      } catch (error) {
        throw failure(error);
      }
      if (!isChecked) return undefined;
      const checksums: number[] = [];
      for (const buffer of buffers) checksums.push(await checksumOf(buffer));
      return checksums;
    },
    async read(fetches, { signal } = {}) {
      const bySegment = Map.groupBy(fetches, ({ box }) => box.segment);
      try {
        await concurrently(bySegment, maxOpenSegments, ([segment, own]) =>
          readSegment(join(directory, segment), own, { maps, signal }),
        );
      } catch (error) {
        signal?.throwIfAborted();
        throw failure(error);
      }
      if (isChecked) for (const fetch of fetches) await fetch.proof?.look(fetch);
    },
  };
}

interface SegmentToWrite extends WriteOptions {
  readonly directory: string;
  readonly segment: string;
  readonly buffers: readonly Uint8Array[];
  readonly maps: boolean;
}

async function writeSegment({ directory, segment, buffers, maps, overwrites = false }: SegmentToWrite): Promise<void> {
  const bytes = buffers.reduce((sum, { length }) => sum + length, 0);
  const isLarge = bytes >= minWarmBytes;
  const isThere = overwrites || (isLarge && claimWarm(directory, segment, bytes));
  const { O_CREAT, O_EXCL, O_RDWR } = constants;
  const flags = O_CREAT | O_RDWR | (isThere ? 0 : O_EXCL); // without O_TRUNC: pages that are there are used again
  const descriptor = openSync(join(directory, segment), flags, 0o600);
  try {
    // Only pages that are there are written as memory: to get one on a full tmpfs is an error of a call, or the end of the process.
    using mapped = maps && isLarge && isThere ? mappedFiles.open(descriptor, { populates: true }) : undefined;
    const rest = mapped === undefined ? buffers : await copyBuffers(mapped.bytes, buffers);
    await writeBuffers(descriptor, rest, Math.min(mapped?.bytes.length ?? 0, bytes));
  } finally {
    closeSync(descriptor);
  }
}

async function readSegment(
  path: string,
  fetches: readonly Fetch[],
  { maps, signal }: { readonly maps: boolean; readonly signal: AbortSignal | undefined },
): Promise<void> {
  let bytes = 0;
  for (const { box } of fetches) bytes += byteCount(box);
  using reader = new SegmentReader(path, { maps: maps && bytes >= minMappedBytes });
  for (const fetch of fetches) {
    signal?.throwIfAborted();
    await reader.fetch(fetch);
  }
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}

function describe(cause: unknown): string {
  if (codeOf(cause) === 'ENOENT') return 'a segment is gone, the connection to the volume was lost';
  return cause instanceof Error ? cause.message : String(cause);
}
