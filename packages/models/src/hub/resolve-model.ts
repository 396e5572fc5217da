import { stat, statfs } from 'node:fs/promises';
import { HubDownloadError } from '../errors.ts';
import { downloadBlob, partialPath } from './download-blob.ts';
import { DownloadMeter } from './download-progress.ts';
import { HubCache } from './hub-cache.ts';
import type { HubModel } from './hub-fetch.ts';
import { type HubFile, type HubRevision, isCommit, readRevision } from './hub-repository.ts';
import { type HubSettings, hubSettings, type ResolveOptions } from './hub-settings.ts';
import { filesOfPart, type ModelPart, missingFile } from './model-parts.ts';

/** `owner/name`, as on the hub; `hf://owner/name@revision` can be nothing else. */
const HUB_NAME =
  /^(?<scheme>hf:\/\/)?(?<name>[\w-](?:[\w.-]*[\w-])?\/[\w-](?:[\w.-]*[\w-])?)(?:(?<=^hf:.*)@(?<revision>.+))?$/;

/** A branch or tag such as `main` or `refs/pr/1`; no way out of the folder of refs. */
const REVISION = /^(?!.*\.\.)[\w-][\w./-]*$/;

/** Files in flight at once: enough that the wait for one is the transfer of others. */
const concurrency = 4;

/**
 * The folder of a model: that of a path, or of a name on the Hugging Face hub such as `Qwen/Qwen3-0.6B`, whose files are
 * downloaded into the cache that Python's huggingface_hub uses, unless they are there. `hf://Qwen/Qwen3-0.6B@main` is the same
 * name with a revision. A folder comes before a name without `hf://`, and what is neither is returned as it is.
 *
 * When the hub cannot be reached, what the cache has of the revision serves.
 *
 * @throws {HubNotFoundError} when there is no such model, revision or file.
 * @throws {HubAccessError} when the model is gated or private and the token does not open it.
 * @throws {HubDownloadError} when files are missing and cannot be had.
 */
export async function resolveModel(model: string, options: ResolveOptions = {}): Promise<string> {
  const { scheme, name, revision: ofName } = HUB_NAME.exec(model)?.groups ?? {};
  if (name === undefined || (scheme === undefined && (await isFolder(model)))) return model;
  const { revision = ofName ?? 'main', part = 'model', signal = new AbortController().signal } = options;
  if (!REVISION.test(revision))
    throw new RangeError(`${JSON.stringify(revision)} is no revision: give a branch, a tag or a commit.`);
  const settings = await hubSettings(options);
  const wanted: Wanted = { name, revision, part, cache: new HubCache(settings.cacheFolder, name) };
  const cached = await fromCache(wanted);
  if (cached.folder !== undefined && (settings.isOffline || isCommit(revision))) return cached.folder;
  if (settings.isOffline)
    throw new HubDownloadError({ model: name, reason: 'offline', what: offlineMessage(cached, settings) });

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

interface Wanted extends HubModel {
  readonly part: ModelPart;
  readonly cache: HubCache;
}

interface Cached {
  /** When all that is wanted is there. */
  readonly folder?: string;
  readonly missing: string;
}

async function fromCache({ cache, revision, part }: Wanted): Promise<Cached> {
  const commit = isCommit(revision) ? revision : await cache.commitOf(revision);
  if (commit === undefined || !isCommit(commit)) return { missing: `revision ${revision}` };
  const missing = missingFile(part, await cache.filesOf(commit));
  return missing === undefined ? { folder: cache.snapshotFolder(commit), missing: '' } : { missing };
}

const offlineMessage = ({ missing }: Cached, { cacheFolder }: HubSettings): string =>
  `${missing} is not in ${cacheFolder}, and HF_HUB_OFFLINE or the option offline keeps from the network. Fetch the model once without it.`;

interface DownloadOptions extends Pick<ResolveOptions, 'onProgress'> {
  readonly settings: HubSettings;
  readonly signal: AbortSignal;
}

/** Brings what is wanted of a revision into the cache. */
async function download(wanted: Wanted, { commit, files }: HubRevision, options: DownloadOptions): Promise<void> {
  const { name: model, cache, part } = wanted;
  const { settings, signal, onProgress = () => undefined } = options;
  const needed = filesOfPart(
    part,
    files.map(({ name }) => name),
    model,
  );
  const present = new Set(await cache.filesOf(commit));
  const missing = files.filter(({ name }) => needed.includes(name) && !present.has(name));
  if (missing.length === 0) return;
  await cache.makeFolders(commit);
  await checkSpace(wanted, missing);

  const meter = new DownloadMeter(
    { model, totalBytes: missing.reduce((sum, { bytes }) => sum + bytes, 0) },
    onProgress,
  );
  const failed = new AbortController();
  const within = { settings, signal: AbortSignal.any([signal, failed.signal]) };
  const queue = missing.values();
  const work = async (): Promise<void> => {
    for (const file of queue) {
      const path = cache.blobPath(file.etag);
      const onMove = (position: number): void => meter.moveTo(file.name, position);
      const onReceive = (count: number): void => meter.receive(file.name, count);
      await downloadBlob({ model: wanted, commit, file, path, onMove, onReceive }, within);
      await cache.addToSnapshot(commit, file);
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
  meter.report();
}

/** @throws {HubDownloadError} when the disk has no room for what is still to come */
async function checkSpace({ name: model, cache }: Wanted, missing: readonly HubFile[]): Promise<void> {
  const { bavail, bsize } = await statfs(cache.folder);
  const here = await Promise.all(missing.map(({ etag }) => sizeOf(cache.blobPath(etag))));
  const bytes = missing.reduce((sum, file, i) => sum + Math.max(0, file.bytes - here[i]!), 0);
  if (bytes <= bavail * bsize) return;
  const what = `${bytes} bytes are to come and ${cache.folder} has room for ${bavail * bsize}. Free some space, or set HF_HUB_CACHE to a larger disk.`;
  throw new HubDownloadError({ model, reason: 'diskFull', what });
}

/** Of a blob, or what is there of it. */
async function sizeOf(blob: string): Promise<number> {
  const found = await stat(blob).catch(() => stat(partialPath(blob)).catch(() => undefined));
  return found?.size ?? 0;
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
