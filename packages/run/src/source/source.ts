import path from 'node:path';
import { taskSets } from '@forge/environments';
import { downloadLines } from '@forge/hub';
import {
  checkWeightFiles,
  loadConfig as loadModelConfig,
  loadTokenizer,
  resolveModel,
  type Tokenizer,
} from '@forge/models';
import { Random } from '@forge/tensor';
import type { z } from 'zod';
import type { DatasetSettings } from '../sections/dataset.ts';
import type { modelSettings } from '../sections/model.ts';
import type { runSettings } from '../sections/run.ts';
import { writeTinyModel } from './embedded/tiny-model.ts';
import { words } from './embedded/word-problems.ts';
import { wordTokenizer } from './embedded/word-tokenizer.ts';
import { namedSources } from './named-sources.ts';
import { type RunData, readData } from './read-data.ts';

/** The sections that say what a run learns from. */
export interface SourceSettings {
  readonly run: z.infer<typeof runSettings>;
  readonly model: z.infer<typeof modelSettings>;
  readonly dataset: DatasetSettings;
}

/** What a run learns from: all of it read and checked. */
export interface Source extends RunData {
  /** A Hugging Face folder; of a model that was named, the one in the cache. */
  readonly modelFolder: string;
  readonly tokenizer: Tokenizer;
}

export interface PrepareSourceOptions {
  /** Reads what is trained on, too; else `dataset.heldOutPath` alone, where there is one. @default true */
  readonly trains?: boolean;
}

/**
 * Makes the embedded model and problems below `folder` where the configuration names no others, and reads everything.
 *
 * @throws an error that names the file, and the key, tensor or line in it, before anything is started.
 */
export async function prepareSource(
  config: SourceSettings,
  folder: string,
  { trains = true }: PrepareSourceOptions = {},
): Promise<Source> {
  const modelFolder =
    config.model.path === undefined
      ? await embeddedModel(config, path.join(folder, 'model'))
      : await resolveModel(config.model.path, {
          onProgress: downloadLines((line) => process.stderr.write(`${line}\n`)),
        });
  const model = await loadModelConfig(modelFolder);
  await checkWeightFiles(modelFolder, model);
  const tokenizer = await loadTokenizer(modelFolder);
  const prompts = { tokenizer, modelFolder, model };
  const data = await readData({ settings: config.dataset, seed: config.run.seed, folder, prompts, trains });
  return { modelFolder, tokenizer, ...data };
}

async function embeddedModel({ model, dataset, run }: SourceSettings, folder: string): Promise<string> {
  const random = new Random(run.seed).split('model');
  await writeTinyModel(folder, wordTokenizer(vocabularyOf(dataset)), model.embedded, random.integer(2 ** 31));
  return folder;
}

/** The words of the tasks that are generated; each is a token. */
function vocabularyOf(dataset: DatasetSettings): readonly string[] {
  const sets = namedSources(dataset).flatMap((source) => ('task' in source ? (taskSets[source.task] ?? []) : []));
  return sets.length === 0 ? words : [...new Set(sets.flatMap(({ vocabulary }) => vocabulary))];
}
