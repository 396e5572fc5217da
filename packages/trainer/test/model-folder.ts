import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { saveModel } from '@forge/models';
import type { ModelWeights } from '../src/training-options.ts';

/** A folder that is gone when its scope ends. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'forge-trainer-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A model folder on disk, without a tokenizer. */
export async function modelFolder(model: ModelWeights): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await temporaryFolder();
  await saveModel(folder.path, model);
  return folder;
}
