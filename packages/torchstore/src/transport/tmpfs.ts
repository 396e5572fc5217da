import { closeSync, constants, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Fetch } from '../byte-box.ts';
import { concurrently } from '../concurrently.ts';
import { VolumeFullError, VolumeUnavailableError } from '../failures.ts';
import { SegmentReader, writeBuffers } from '../segment-file.ts';
import type { Transport, VolumeAddress } from './transport.ts';

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

/** Reads and writes the files of a volume on the same host. */
export function tmpfsTransport({ id, directory }: VolumeAddress): Transport {
  const failure = (cause: unknown) =>
    codeOf(cause) === 'ENOSPC'
      ? new VolumeFullError(id, { cause })
      : new VolumeUnavailableError(id, describe(cause), { cause });
  return {
    kind: 'tmpfs',
    async write(segment, buffers, { overwrites = false } = {}) {
      try {
        const { O_CREAT, O_EXCL, O_WRONLY } = constants;
        const flags = O_CREAT | O_WRONLY | (overwrites ? 0 : O_EXCL); // without O_TRUNC: pages that are there are reused
        const descriptor = openSync(join(directory, segment), flags, 0o600);
        try {
          await writeBuffers(descriptor, buffers, 0);
        } finally {
          closeSync(descriptor);
        }
      } catch (error) {
        throw failure(error);
      }
    },
    async read(fetches) {
      const bySegment = Map.groupBy(fetches, ({ box }) => box.segment);
      try {
        await concurrently(bySegment, maxOpenSegments, ([segment, own]) => readSegment(join(directory, segment), own));
      } catch (error) {
        throw failure(error);
      }
    },
  };
}

async function readSegment(path: string, fetches: readonly Fetch[]): Promise<void> {
  using reader = new SegmentReader(path);
  for (const fetch of fetches) await reader.fetch(fetch);
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}

function describe(cause: unknown): string {
  if (codeOf(cause) === 'ENOENT') return 'a segment is gone, the connection to the volume was lost';
  return cause instanceof Error ? cause.message : String(cause);
}
