import { access, copyFile, mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import type { HubRepository } from './hub-fetch.ts';
import { replaceFile, writeWhole } from './replace-file.ts';

/**
 * The folder of one repository in the cache, laid out as Python's huggingface_hub does:
 *
 *   models--Qwen--Qwen3-0.6B/refs/main                       the commit that a revision was
 *   models--Qwen--Qwen3-0.6B/snapshots/<commit>/config.json  → ../../blobs/<etag>
 *   models--Qwen--Qwen3-0.6B/blobs/<etag>                    the content, once for all commits
 *
 * Source: huggingface_hub `file_download.py`.
 */
export class HubCache {
  readonly folder: string;

  constructor(cacheFolder: string, { kind, name }: Pick<HubRepository, 'kind' | 'name'>) {
    this.folder = join(cacheFolder, `${kind}s--${name.replaceAll('/', '--')}`);
  }

  snapshotFolder(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  blobPath(etag: string): string {
    return join(this.folder, 'blobs', etag);
  }

  /** Files of a snapshot whose content is there. */
  async filesOf(commit: string): Promise<readonly string[]> {
    const folder = this.snapshotFolder(commit);
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    const paths = entries.filter((entry) => !entry.isDirectory()).map(({ parentPath, name }) => join(parentPath, name));
    const areThere = await Promise.all(paths.map(isThere));
    // By the names that the hub gives them, on every platform.
    return paths.filter((_, i) => areThere[i]).map((path) => relative(folder, path).split(sep).join('/'));
  }

  /** The commit that a revision was when it was last looked up. */
  async commitOf(revision: string): Promise<string | undefined> {
    const commit = await readFile(join(this.folder, 'refs', revision), 'utf8').catch(() => undefined);
    return commit?.trim();
  }

  async remember(revision: string, commit: string): Promise<void> {
    if (revision === commit || (await this.commitOf(revision)) === commit) return;
    const file = join(this.folder, 'refs', revision);
    await mkdir(dirname(file), { recursive: true });
    await writeWhole(file, commit);
  }

  async makeFolders(commit: string): Promise<void> {
    await mkdir(join(this.folder, 'blobs'), { recursive: true });
    await mkdir(this.snapshotFolder(commit), { recursive: true });
  }

  /** Makes a blob a file of a snapshot: a link, or a copy where there are none. */
  async addToSnapshot(commit: string, { name, etag }: { readonly name: string; readonly etag: string }): Promise<void> {
    const file = join(this.snapshotFolder(commit), name);
    await mkdir(dirname(file), { recursive: true });
    await replaceFile(file, (unfinished) =>
      symlink(relative(dirname(file), this.blobPath(etag)), unfinished).catch(() =>
        copyFile(this.blobPath(etag), unfinished),
      ),
    );
  }
}

/** Whether a path leads to something: a link may lead nowhere. */
export const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
