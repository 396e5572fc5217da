import { stat, statfs } from 'node:fs/promises';
import { downloadBlob, partialPath } from './download-blob.ts';
import { DownloadMeter } from './download-progress.ts';
import { HubDownloadError } from './errors.ts';
import { HubCache } from './hub-cache.ts';
import type { HubKind, HubRepository } from './hub-fetch.ts';
import { type HubFile, type HubRevision, isCommit, readRevision } from './hub-repository.ts';
import { type HubOptions, type HubSettings, hubSettings } from './hub-settings.ts';
import { checkRevision } from './repository-name.ts';

/** Which files of a repository somebody wants. */
export interface Selection {
  readonly kind: HubKind;
  /** `owner/name`. */
  readonly name: string;
  /** Those among the files of a revision that are wanted. May throw when they do not do. */
  readonly choose: (available: readonly string[]) => readonly string[];
  /** What these files lack to be all that is wanted, in words; `undefined` when nothing does. */
  readonly missing: (available: readonly string[]) => string | undefined;
}

/** Files in flight at once: enough that the wait for one is the transfer of others. */
const concurrency = 4;

/**
 * The folder of a revision in the cache that Python's huggingface_hub uses, with the selected files in it: what is not there
 * is downloaded, from where an earlier attempt ended, and checked. When the hub cannot be reached, what the cache has serves.
 *
 * @throws {HubNotFoundError} when there is no such repository or revision.
 * @throws {HubAccessError} when it is gated or private and the token does not open it.
 * @throws {HubDownloadError} when files are missing and cannot be had.
 */
export async function fetchSnapshot(selection: Selection, options: HubOptions = {}): Promise<string> {
  const { revision = 'main', signal = new AbortController().signal } = options;
  checkRevision(revision);
  const settings = await hubSettings(options);
  const wanted: Wanted = { ...selection, revision, cache: new HubCache(settings.cacheFolder, selection) };
  const cached = await fromCache(wanted);
  if (cached.folder !== undefined && (settings.isOffline || isCommit(revision))) return cached.folder;
  if (settings.isOffline)
    throw new HubDownloadError({
      repository: wanted.name,
      reason: 'offline',
      what: offlineMessage(wanted, cached, settings),
    });

  const found = await readRevision(wanted, settings, signal).catch((error: unknown) => {
    const isAway = error instanceof HubDownloadError && error.reason === 'unreachable';
    if (isAway && cached.folder !== undefined) return undefined;
    throw error;
  });
  if (found === undefined) return cached.folder!; // or the error was thrown
  await download(wanted, found, { ...options, settings, signal });
  await wanted.cache.remember(revision, found.commit);
  return wanted.cache.snapshotFolder(found.commit);
}

interface Wanted extends Selection, HubRepository {
  readonly cache: HubCache;
}

interface Cached {
  /** When all that is wanted is there. */
  readonly folder?: string;
  readonly missing: string;
}

async function fromCache({ cache, revision, missing: missingOf }: Wanted): Promise<Cached> {
  const commit = isCommit(revision) ? revision : await cache.commitOf(revision);
  if (commit === undefined || !isCommit(commit)) return { missing: `revision ${revision}` };
  const missing = missingOf(await cache.filesOf(commit));
  return missing === undefined ? { folder: cache.snapshotFolder(commit), missing: '' } : { missing };
}

const offlineMessage = ({ kind }: Wanted, { missing }: Cached, { cacheFolder }: HubSettings): string =>
  `${missing} is not in ${cacheFolder}, and HF_HUB_OFFLINE or the option offline keeps from the network. Fetch the ${kind} once without it.`;

interface DownloadOptions extends Pick<HubOptions, 'onProgress'> {
  readonly settings: HubSettings;
  readonly signal: AbortSignal;
}

/** Brings what is wanted of a revision into the cache. */
async function download(wanted: Wanted, { commit, files }: HubRevision, options: DownloadOptions): Promise<void> {
  const { name, cache } = wanted;
  const { settings, signal, onProgress = () => undefined } = options;
  const needed = new Set(wanted.choose(files.map((file) => file.name)));
  const present = new Set(await cache.filesOf(commit));
  const missing = files.filter((file) => needed.has(file.name) && !present.has(file.name));
  if (missing.length === 0) return;
  await cache.makeFolders(commit);
  await checkSpace(wanted, missing);

  const totalBytes = missing.reduce((sum, { bytes }) => sum + bytes, 0);
  const meter = new DownloadMeter({ name, totalBytes }, onProgress);
  const failed = new AbortController();
  const within = { settings, signal: AbortSignal.any([signal, failed.signal]) };
  const queue = missing.values();
  const work = async (): Promise<void> => {
    for (const file of queue) {
      const path = cache.blobPath(file.etag);
      const onMove = (position: number): void => meter.moveTo(file.name, position);
      const onReceive = (count: number): void => meter.receive(file.name, count);
      await downloadBlob({ repository: wanted, commit, file, path, onMove, onReceive }, within);
    }
  };
  // The first failure ends the others, and nothing goes on behind the caller's back.
  const workers = Array.from({ length: concurrency }, () =>
    work().catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(workers);
  within.signal.throwIfAborted();
  // Only now: a snapshot never shows some of the files that belong together.
  for (const file of missing) await cache.addToSnapshot(commit, file);
  meter.report();
}

/** @throws {HubDownloadError} when the disk has no room for what is still to come */
async function checkSpace({ name, cache }: Wanted, missing: readonly HubFile[]): Promise<void> {
  const { bavail, bsize } = await statfs(cache.folder);
  const here = await Promise.all(missing.map(({ etag }) => sizeOf(cache.blobPath(etag))));
  const bytes = missing.reduce((sum, file, i) => sum + Math.max(0, file.bytes - here[i]!), 0);
  if (bytes <= bavail * bsize) return;
  const what = `${bytes} bytes are to come and ${cache.folder} has room for ${bavail * bsize}. Free some space, or set HF_HUB_CACHE to a larger disk.`;
  throw new HubDownloadError({ repository: name, reason: 'diskFull', what });
}

/** Of a blob, or what is there of it. */
async function sizeOf(blob: string): Promise<number> {
  const found = await stat(blob).catch(() => stat(partialPath(blob)).catch(() => undefined));
  return found?.size ?? 0;
}
