import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { initialize, loadConfig, loadTokenizer, parseConfig, type SavedModel, saveModel } from '../src/index.ts';

/** An empty folder that is removed when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'forge-models-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A copy of a golden folder that a test may damage. */
export async function copyOfGolden(name: string): Promise<string> {
  const folder = await temporaryFolder();
  await cp(goldenFolder(name), folder, { recursive: true });
  return folder;
}

/** A new model of the sizes of a golden one, but with the vocabulary of the golden tokenizer, which lies beside it. */
export async function modelWithTokenizer(
  name: string,
  options: Pick<SavedModel, 'dtype' | 'maxShardBytes'> = {},
): Promise<string> {
  const folder = await temporaryFolder();
  const tokenizerFolder = goldenFolder('tokenizer');
  const { vocabSize } = await loadTokenizer(tokenizerFolder);
  const { json } = await loadConfig(goldenFolder(name));
  const config = parseConfig({ ...json, vocab_size: vocabSize });
  await saveModel(folder, { config, weights: initialize(config, name), tokenizerFolder, ...options });
  return folder;
}

/** Where the files of one golden model or tokenizer lie. */
export function goldenFolder(name: string): string {
  return join(import.meta.dirname, 'golden', name);
}
