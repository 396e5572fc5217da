import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DatasetError, parseGsm8k, readGsm8k, readJsonl } from '@forge/data';
import type { Task } from '@forge/environments';
import { downloadLines } from '@forge/hub';
import {
  checkWeightFiles,
  loadConfig as loadModelConfig,
  loadTokenizer,
  type ModelConfig,
  resolveModel,
  type Tokenizer,
} from '@forge/models';
import { Random } from '@forge/tensor';
import type { z } from 'zod';
import type { datasetSettings } from '../sections/dataset.ts';
import type { modelSettings } from '../sections/model.ts';
import type { runSettings } from '../sections/run.ts';
import { SettingsError } from '../settings/settings-error.ts';
import { writeTinyModel } from './embedded/tiny-model.ts';
import { wordProblems, words } from './embedded/word-problems.ts';
import { wordTokenizer } from './embedded/word-tokenizer.ts';
import { conversation } from './prompt.ts';

/** The sections that say what a run learns from. */
export interface SourceSettings {
  readonly run: z.infer<typeof runSettings>;
  readonly model: z.infer<typeof modelSettings>;
  readonly dataset: z.infer<typeof datasetSettings>;
}

/** What a run learns from: all of it read and checked. */
export interface Source {
  /** A Hugging Face folder; of a model that was named, the one in the cache. */
  readonly modelFolder: string;
  readonly tokenizer: Tokenizer;
  /** A file of GSM8K records that holds `train`. */
  readonly trainPath: string;
  readonly train: readonly Task[];
  readonly heldOut: readonly Task[];
}

/**
 * Makes the embedded model and problems below `folder` where the configuration names no others, and reads everything.
 *
 * @throws an error that names the file, and the key, tensor or line in it, before anything is started.
 */
export async function prepareSource(config: SourceSettings, folder: string): Promise<Source> {
  const { train, heldOut } = await problemsOf(config);
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
  if (config.dataset.path === undefined) checkPrompt(train[0]!, prompts);
  for (const file of [config.dataset.path, config.dataset.heldOutPath]) {
    if (file !== undefined) await checkPromptsOf(file, prompts);
  }
  const trainPath = path.join(folder, 'train.jsonl');
  await writeGsm8k(trainPath, train);
  await writeGsm8k(path.join(folder, 'held-out.jsonl'), heldOut);
  return { modelFolder, tokenizer, trainPath, train, heldOut };
}

/** How prompts are made, and for which model. */
interface Prompts {
  readonly tokenizer: Tokenizer;
  readonly modelFolder: string;
  readonly model: ModelConfig;
}

/** Every record of a file must leave the model room for an answer: one that does not would end a run in its middle. */
async function checkPromptsOf(file: string, prompts: Prompts): Promise<void> {
  const { maxPositionEmbeddings } = prompts.model;
  for await (const line of readJsonl(file)) {
    const length = checkPrompt(parseGsm8k(line), prompts);
    if (length < maxPositionEmbeddings) continue;
    throw new DatasetError(
      file,
      `its prompt has ${length} tokens, which leaves no room for an answer: ` +
        `max_position_embeddings in ${path.join(prompts.modelFolder, 'config.json')} is ${maxPositionEmbeddings}.`,
      { line: line.line },
    );
  }
}

/**
 * Asks for one task as the generator will: a folder may lack a chat template, or have the tokenizer of another model.
 * Returns the tokens of its prompt.
 */
function checkPrompt(task: Task, { tokenizer, modelFolder, model: { vocabSize } }: Prompts): number {
  const ids = tokenizer.encode(tokenizer.applyChatTemplate(conversation(task), { addGenerationPrompt: true }));
  const largest = [...ids, ...tokenizer.eosTokenIds].reduce((a, b) => Math.max(a, b), 0);
  if (largest >= vocabSize) {
    throw new SettingsError([
      `${path.join(modelFolder, 'tokenizer.json')}: gives token ${largest}, but the model has ${vocabSize} tokens ` +
        '(vocab_size in config.json). Are both of one model?',
    ]);
  }
  return ids.length;
}

async function embeddedModel({ model, run }: SourceSettings, folder: string): Promise<string> {
  const random = new Random(run.seed).split('model');
  await writeTinyModel(folder, wordTokenizer(words), model.embedded, random.integer(2 ** 31));
  return folder;
}

async function problemsOf({ dataset, run }: SourceSettings): Promise<Pick<Source, 'train' | 'heldOut'>> {
  if (dataset.path === undefined) {
    return wordProblems(new Random(run.seed).split('problems'), {
      train: dataset.embedded.problems,
      heldOut: dataset.heldOut,
      digits: dataset.embedded.digits,
    });
  }
  const problems = await readGsm8k(dataset.path);
  if (dataset.heldOutPath !== undefined) {
    return { train: problems, heldOut: (await readGsm8k(dataset.heldOutPath)).slice(0, dataset.heldOut) };
  }
  // A short file keeps at least half of its problems for training.
  const kept = Math.min(dataset.heldOut, Math.floor(problems.length / 2));
  if (kept === 0) {
    throw new SettingsError([
      `${dataset.path}: one problem cannot be both trained on and evaluated; give at least two, or dataset.heldOutPath.`,
    ]);
  }
  return { train: problems.slice(0, -kept), heldOut: problems.slice(-kept) };
}

async function writeGsm8k(file: string, tasks: readonly Task[]): Promise<void> {
  const lines = tasks.map(({ messages, target, fields }) =>
    JSON.stringify({ question: messages[0]?.content, answer: `${fields?.['reasoning']}\n#### ${target}` }),
  );
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `${lines.join('\n')}\n`);
}
