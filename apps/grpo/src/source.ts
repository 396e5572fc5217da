import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Problem, readGsm8k } from '@forge/data';
import { checkWeightFiles, loadConfig as loadModelConfig, loadTokenizer, type Tokenizer } from '@forge/models';
import { Random } from '@forge/tensor';
import type { Config } from './config.ts';
import { writeTinyModel } from './embedded/tiny-model.ts';
import { wordProblems, words } from './embedded/word-problems.ts';
import { wordTokenizer } from './embedded/word-tokenizer.ts';
import { ConfigError } from './errors.ts';
import { conversation } from './prompt.ts';

/** What a run learns from: all of it read and checked. */
export interface Source {
  /** A Hugging Face folder. */
  readonly modelFolder: string;
  readonly tokenizer: Tokenizer;
  /** A file of GSM8K records that holds `train`. */
  readonly trainPath: string;
  readonly train: readonly Problem[];
  readonly heldOut: readonly Problem[];
}

/**
 * Makes the embedded model and problems below `folder` where the configuration names no others, and reads everything.
 *
 * @throws an error that names the file, and the key, tensor or line in it, before anything is started.
 */
export async function prepareSource(config: Config, folder: string): Promise<Source> {
  const { train, heldOut } = await problemsOf(config);
  const modelFolder = config.model.path ?? (await embeddedModel(config, path.join(folder, 'model')));
  const model = await loadModelConfig(modelFolder);
  await checkWeightFiles(modelFolder, model);
  const tokenizer = await loadTokenizer(modelFolder);
  checkPrompt(tokenizer, train[0]!, { modelFolder, vocabSize: model.vocabSize });
  const trainPath = path.join(folder, 'train.jsonl');
  await writeGsm8k(trainPath, train);
  await writeGsm8k(path.join(folder, 'held-out.jsonl'), heldOut);
  return { modelFolder, tokenizer, trainPath, train, heldOut };
}

/** Asks one problem as all will be asked: a folder may lack a chat template, or have the tokenizer of another model. */
function checkPrompt(
  tokenizer: Tokenizer,
  problem: Problem,
  { modelFolder, vocabSize }: { readonly modelFolder: string; readonly vocabSize: number },
): void {
  const prompt = tokenizer.applyChatTemplate(conversation(problem), { addGenerationPrompt: true });
  const largest = Math.max(...tokenizer.encode(prompt), ...tokenizer.eosTokenIds);
  if (largest >= vocabSize) {
    throw new ConfigError([
      `${path.join(modelFolder, 'tokenizer.json')}: gives token ${largest}, but the model has ${vocabSize} tokens ` +
        '(vocab_size in config.json). Are both of one model?',
    ]);
  }
}

async function embeddedModel({ model, run }: Config, folder: string): Promise<string> {
  const random = new Random(run.seed).split('model');
  await writeTinyModel(folder, wordTokenizer(words), model.embedded, random.integer(2 ** 31));
  return folder;
}

async function problemsOf({ dataset, run }: Config): Promise<Pick<Source, 'train' | 'heldOut'>> {
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
    throw new ConfigError([
      `${dataset.path}: one problem cannot be both trained on and evaluated; give at least two, or dataset.heldOutPath.`,
    ]);
  }
  return { train: problems.slice(0, -kept), heldOut: problems.slice(-kept) };
}

async function writeGsm8k(file: string, problems: readonly Problem[]): Promise<void> {
  const lines = problems.map(({ question, reasoning, target }) =>
    JSON.stringify({ question, answer: `${reasoning}\n#### ${target}` }),
  );
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `${lines.join('\n')}\n`);
}
