import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { HubAccessError, HubDownloadError, HubNotFoundError } from './errors.ts';
import { isThere } from './hub-cache.ts';
import { type HubRepository, withRetries } from './hub-fetch.ts';
import { type HubFile, openFile } from './hub-repository.ts';
import type { HubSettings } from './hub-settings.ts';
import { holdLock } from './local-lock.ts';

/** One file on its way into the cache. */
export interface BlobDownload {
  readonly repository: HubRepository;
  readonly commit: string;
  readonly file: HubFile;
  /** Where it goes, when it is whole and has the hash that the hub says. */
  readonly path: string;
  /** How far it is, when that is not by `onReceive`. */
  readonly onMove: (position: number) => void;
  readonly onReceive: (count: number) => void;
}

interface Within {
  readonly settings: HubSettings;
  readonly signal: AbortSignal;
}

/** What of a blob is there until it is whole. Named by machine: the lock is one of this machine, and a cache may be shared. */
export const partialPath = (path: string): string => `${path}.${hostname()}.incomplete`;

/**
 * Downloads one file, from where an earlier attempt ended. Of several processes one does, and the others wait for it.
 *
 * @throws {HubDownloadError} when it cannot be had, or is not what the hub says; a damaged one is not kept.
 */
export async function downloadBlob(download: BlobDownload, { settings, signal }: Within): Promise<void> {
  await using _ = await holdLock(download.path, signal);
  const { file, path, onMove } = download;
  if (await isThere(path)) return onMove(file.bytes);
  const partial = partialPath(path);
  // Bytes of an earlier attempt may be to blame for a wrong hash: without them it is tried once more.
  let isContinued = await isThere(partial);
  for (let isWhole = false; !isWhole; ) {
    try {
      // Each attempt ends further on, or throws.
      isWhole = await withRetries(() => appendTo(partial, download, { settings, signal }), settings, signal);
    } catch (error) {
      if (!(isContinued && error instanceof HubDownloadError && error.reason === 'damaged')) throw error;
      isContinued = false;
    }
  }
  await rename(partial, path);
}

/**
 * One attempt: hashes what is there, appends what the hub sends, and checks the whole.
 *
 * @returns whether all of it is there, and intact. If not, the connection ended after it brought something.
 */
async function appendTo(partial: string, download: BlobDownload, within: Within): Promise<boolean> {
  const { file, onMove } = download;
  await using handle = await open(partial, 'a+');
  const hash = hashOf(file);
  const start = await hashContent(handle, hash, file.bytes);
  onMove(start);
  const end = start === file.bytes ? start : await receive({ handle, partial, hash, start }, download, within);
  if (end < file.bytes) return false;
  if (end > file.bytes || hash.digest('hex') !== file.etag) {
    await rm(partial, { force: true });
    throw failure(
      download,
      'damaged',
      `its content does not have the hash ${file.etag} that the hub gives. Try again.`,
    );
  }
  await handle.sync();
  return true;
}

interface Partial {
  readonly handle: FileHandle;
  readonly partial: string;
  readonly hash: Hash;
  readonly start: number;
}

/** Appends what one connection brings. @returns the length then, which is more than before */
async function receive(
  { handle, partial, hash, start }: Partial,
  download: BlobDownload,
  { settings, signal }: Within,
): Promise<number> {
  const watch = watchStall(settings.stallTimeoutMs, signal);
  let position = start;
  let reason: unknown;
  try {
    for await (const bytes of await openFile(download, start, { settings, signal: watch.signal })) {
      watch.touch();
      await append(handle, bytes, download);
      hash.update(bytes);
      position += bytes.length;
      download.onReceive(bytes.length);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof HubDownloadError && error.reason === 'diskFull') await rm(partial, { force: true });
    if (isFinal(error)) throw error;
    reason = error;
  } finally {
    watch.stop();
  }
  if (position > start) return position;
  throw failure(download, 'unreachable', 'the connection ends before it brings anything.', reason);
}

/** Whether a failure says what is wrong; all else is a connection that ended, which says so in many ways. */
const isFinal = (error: unknown): boolean =>
  [HubDownloadError, HubNotFoundError, HubAccessError].some((known) => error instanceof known);

/** Large files go by SHA-256, small ones by git's hash of a blob. */
function hashOf({ etag, bytes }: HubFile): Hash {
  return etag.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${bytes}\0`);
}

/** Hashes a file from its beginning. One that is too long is emptied. @returns its length */
async function hashContent(handle: FileHandle, hash: Hash, maxBytes: number): Promise<number> {
  const { size } = await handle.stat();
  if (size > maxBytes) await handle.truncate(0);
  if (size > maxBytes || size === 0) return 0;
  const content = handle.createReadStream({ start: 0, autoClose: false, highWaterMark: 1 << 20 });
  for await (const bytes of content) hash.update(bytes);
  return size;
}

async function append(handle: FileHandle, bytes: Uint8Array, download: BlobDownload): Promise<void> {
  try {
    await handle.appendFile(bytes);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException; // Node's file system rejects with errors that carry a code
    if (code !== 'ENOSPC' && code !== 'EDQUOT') {
      throw failure(download, 'unwritable', `${download.path} cannot be written (${code ?? 'a failure'}).`, cause);
    }
    throw failure(
      download,
      'diskFull',
      `the disk is full. Free some space, or set HF_HUB_CACHE to a larger disk.`,
      cause,
    );
  }
}

/** Aborts when nothing was touched for so long. */
function watchStall(timeoutMs: number, signal: AbortSignal) {
  const stalled = new AbortController();
  const timer = setTimeout(
    () => stalled.abort(new DOMException('The connection is silent.', 'TimeoutError')),
    timeoutMs,
  );
  return {
    signal: AbortSignal.any([signal, stalled.signal]),
    touch: () => void timer.refresh(),
    stop: () => clearTimeout(timer),
  };
}

const failure = (
  { repository, file }: BlobDownload,
  reason: HubDownloadError['reason'],
  what: string,
  cause?: unknown,
): HubDownloadError =>
  new HubDownloadError({ repository: repository.name, reason, what: `${file.name}: ${what}`, cause });
