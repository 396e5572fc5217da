import { HubDownloadError } from './errors.ts';
import { type HubRepository, hubFetch, withRetries } from './hub-fetch.ts';
import type { HubSettings } from './hub-settings.ts';

/** A file of a repository on the hub. */
export interface HubFile {
  /** Its path in the repository. */
  readonly name: string;
  readonly bytes: number;
  /** SHA-256 of a large file, git's SHA-1 of a small one; the name of its blob in the cache. */
  readonly etag: string;
}

/** One revision of a repository, and its files. */
export interface HubRevision {
  readonly commit: string;
  readonly files: readonly HubFile[];
}

const COMMIT = /^[0-9a-f]{40}$/;
const ETAG = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Whether a revision names a commit, which never changes. */
export const isCommit = (revision: string): boolean => COMMIT.test(revision);

/** Asks the hub for a revision. @throws {HubNotFoundError} {HubAccessError} {HubDownloadError} */
export async function readRevision(
  repository: HubRepository,
  settings: HubSettings,
  signal: AbortSignal,
): Promise<HubRevision> {
  // Loaded when something is named: who has a folder does without it.
  const { modelInfo, datasetInfo, listFiles } = await import('@huggingface/hub');
  const at = { hubUrl: settings.endpoint, fetch: hubFetch(repository, settings, signal) };
  return withRetries(
    async () => {
      const { kind, name, revision } = repository;
      const asked = { ...at, name, revision, additionalFields: ['sha' as const] };
      const { sha: commit } = await (kind === 'model' ? modelInfo(asked) : datasetInfo(asked));
      if (!isCommit(commit)) throw odd(repository, `the commit ${JSON.stringify(commit)}`);
      const files: HubFile[] = [];
      // What a model is made of lies at its top, the files of a data set in folders.
      const listed = listFiles({ ...at, repo: { type: kind, name }, revision: commit, recursive: kind === 'dataset' });
      for await (const { type, path, size, oid, lfs } of listed) {
        if (type !== 'file') continue;
        const etag = lfs?.oid ?? oid ?? '';
        if (!ETAG.test(etag)) throw odd(repository, `the hash ${JSON.stringify(etag)} for ${path}`);
        const bytes = lfs?.size ?? size;
        if (!Number.isSafeInteger(bytes) || bytes < 0) throw odd(repository, `the size ${bytes} for ${path}`);
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
  { repository, commit, file }: { readonly repository: HubRepository; readonly commit: string; readonly file: HubFile },
  fromByte: number,
  { settings, signal }: { readonly settings: HubSettings; readonly signal: AbortSignal },
): Promise<AsyncIterable<Uint8Array>> {
  const { downloadFile } = await import('@huggingface/hub');
  const at = { hubUrl: settings.endpoint, fetch: hubFetch(repository, settings, signal) };
  // Over plain HTTP, which every hub and mirror serves and which goes on at any byte.
  const { kind, name } = repository;
  const blob = await downloadFile({ ...at, repo: { type: kind, name }, revision: commit, path: file.name, xet: false });
  if (blob === null || blob.size !== file.bytes) {
    throw odd(
      repository,
      `${blob === null ? 'no' : blob.size} bytes of ${file.name} where its list says ${file.bytes}`,
    );
  }
  return blob.slice(fromByte).stream();
}

const odd = ({ name }: HubRepository, got: string): HubDownloadError =>
  new HubDownloadError({ repository: name, reason: 'damaged', what: `the hub gave ${got}.` });
