import { HubDownloadError, show } from '../errors.ts';
import { type HubModel, hubFetch, withRetries } from './hub-fetch.ts';
import type { HubSettings } from './hub-settings.ts';

/** A file of a model on the hub. */
export interface HubFile {
  readonly name: string;
  readonly bytes: number;
  /** SHA-256 of a large file, git's SHA-1 of a small one; the name of its blob in the cache. */
  readonly etag: string;
}

/** One revision of a model on the hub, and its files at the top. */
export interface HubRevision {
  readonly commit: string;
  readonly files: readonly HubFile[];
}

const COMMIT = /^[0-9a-f]{40}$/;
const ETAG = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Whether a revision names a commit, which never changes. */
export const isCommit = (revision: string): boolean => COMMIT.test(revision);

/** Asks the hub for a revision. @throws {HubNotFoundError} {HubAccessError} {HubDownloadError} */
export async function readRevision(model: HubModel, settings: HubSettings, signal: AbortSignal): Promise<HubRevision> {
  // Loaded when a model is named: who has a folder does without it.
  const { modelInfo, listFiles } = await import('@huggingface/hub');
  const at = { hubUrl: settings.endpoint, fetch: hubFetch(model, settings, signal) };
  return withRetries(
    async () => {
      const { name, revision } = model;
      const { sha: commit } = await modelInfo({ ...at, name, revision, additionalFields: ['sha'] });
      if (!isCommit(commit)) throw odd(model, `the commit ${show(commit)}`);
      const files: HubFile[] = [];
      for await (const { type, path, size, oid, lfs } of listFiles({ ...at, repo: name, revision: commit })) {
        if (type !== 'file') continue;
        const etag = lfs?.oid ?? oid ?? '';
        if (!ETAG.test(etag)) throw odd(model, `the hash ${show(etag)} for ${path}`);
        const bytes = lfs?.size ?? size;
        if (!Number.isSafeInteger(bytes) || bytes < 0) throw odd(model, `the size ${show(bytes)} for ${path}`);
        files.push({ name: path, bytes, etag });
      }
      return { commit, files };
    },
    settings,
    signal,
  );
}

/**
 * The bytes of a file, from one of them on.
 *
 * @param fromByte - below the size of the file.
 */
export async function openFile(
  { model, commit, file }: { readonly model: HubModel; readonly commit: string; readonly file: HubFile },
  fromByte: number,
  { settings, signal }: { readonly settings: HubSettings; readonly signal: AbortSignal },
): Promise<AsyncIterable<Uint8Array>> {
  const { downloadFile } = await import('@huggingface/hub');
  const at = { hubUrl: settings.endpoint, fetch: hubFetch(model, settings, signal) };
  // Over plain HTTP, which every hub and mirror serves and which goes on at any byte.
  const blob = await downloadFile({ ...at, repo: model.name, revision: commit, path: file.name, xet: false });
  if (blob === null || blob.size !== file.bytes) {
    throw odd(model, `${blob === null ? 'no' : blob.size} bytes of ${file.name} where its list says ${file.bytes}`);
  }
  return blob.slice(fromByte).stream();
}

const odd = (model: HubModel, got: string): HubDownloadError =>
  new HubDownloadError({ model: model.name, reason: 'damaged', what: `the hub gave ${got}.` });
