import { stat } from 'node:fs/promises';
import { fetchSnapshot, type HubOptions, parseRepositoryName } from '@forge/hub';
import { filesOfPart, type ModelPart, missingFile } from './model-parts.ts';

export interface ResolveOptions extends HubOptions {
  /** What has to be there. @default 'model', everything */
  readonly part?: ModelPart;
}

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
  const named = parseRepositoryName(model, 'model');
  if (named === undefined || (!named.isAddress && (await isFolder(model)))) return model;
  const { name } = named;
  const { part = 'model', revision = named.revision ?? 'main', ...hub } = options;
  return fetchSnapshot(
    {
      kind: 'model',
      name,
      choose: (available) => filesOfPart(part, available, name),
      missing: (available) => missingFile(part, available),
    },
    { ...hub, revision },
  );
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
