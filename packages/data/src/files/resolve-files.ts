import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { fetchSnapshot, HubNotFoundError, type HubOptions, parseRepositoryName } from '@forge/hub';
import { DatasetError } from '../errors.ts';
import { isRecordFile } from '../records/open-records.ts';
import { type DeclaredConfig, declaredConfigs } from './card.ts';
import { type ChosenFiles, chooseFiles, type PartOfDataset } from './choose-files.ts';

/** Which files a name stands for, and how they come here. */
export interface ResolveFilesOptions extends PartOfDataset, HubOptions {}

const CARD = 'README.md';

/** Where the hub keeps a data set that it converted to Parquet. */
const CONVERTED = 'refs/convert/parquet';

/**
 * The files of records that a path or name stands for: a file, those of a folder, or those of a data set on the Hugging Face
 * hub such as `openai/gsm8k` (`hf://datasets/openai/gsm8k@main` with a revision), which are downloaded into the cache that
 * Python's huggingface_hub uses, unless they are there. What is a file or folder is no name.
 *
 * @throws {DatasetError} when there is no such file, or it has no such part.
 * @throws {HubNotFoundError} {HubAccessError} {HubDownloadError} when the hub does not give it.
 */
export async function resolveFiles(path: string, options: ResolveFilesOptions = {}): Promise<readonly string[]> {
  const named = parseRepositoryName(path, 'dataset');
  const entry = named?.isAddress ? undefined : await stat(path).catch(() => undefined);
  if (entry?.isDirectory()) return await filesOfFolder(path, options);
  // `data/train.jsonl` could be a name, but is not meant as one. Whether a file can be read is seen when it is.
  if (named === undefined || entry !== undefined || (!named.isAddress && isRecordFile(path))) return [path];
  const { revision = named.revision, ...rest } = options;
  return await filesOfRepository(named.name, { ...rest, ...(revision !== undefined && { revision }) });
}

async function filesOfFolder(folder: string, part: PartOfDataset): Promise<readonly string[]> {
  const names = await namesIn(folder);
  return paths(folder, chooseFiles(names, part, await cardOf(folder)), folder);
}

async function filesOfRepository(name: string, options: ResolveFilesOptions): Promise<readonly string[]> {
  const { config, split, ...hub } = options;
  const part: PartOfDataset = { ...(config !== undefined && { config }), ...(split !== undefined && { split }) };
  const repository = { kind: 'dataset', name } as const;
  const withCard = await fetchSnapshot(
    { ...repository, choose: (available) => available.filter((file) => file === CARD), missing: () => undefined },
    hub,
  );
  const declared = await cardOf(withCard);
  const chosen = (available: readonly string[]) => chooseFiles(available, part, declared);
  const filesOf = async (revision?: string) => {
    const folder = await fetchSnapshot(
      {
        ...repository,
        choose: (available) => {
          const choice = revision === undefined ? chosen(available) : chooseFiles(available, part);
          if ('problem' in choice) throw new HubNotFoundError({ repository: name, what: choice.problem });
          return choice.files;
        },
        missing: (available) => {
          const choice = revision === undefined ? chosen(available) : chooseFiles(available, part);
          return 'problem' in choice ? (split ?? 'its records') : missingShard(choice.files);
        },
      },
      { ...hub, ...(revision !== undefined && { revision }) },
    );
    const choice = revision === undefined ? declared : [];
    return paths(folder, chooseFiles(await namesIn(folder), part, choice), name);
  };
  try {
    return await filesOf();
  } catch (error) {
    // A data set of scripts or other formats has a copy in Parquet, which the hub makes.
    if (!(error instanceof HubNotFoundError) || hub.revision !== undefined) throw error;
    return await filesOf(CONVERTED).catch(() => {
      throw error;
    });
  }
}

/** Of files that say how many they are. */
function missingShard(files: readonly string[]): string | undefined {
  const numbered = files.flatMap((file) => /^(.*)-\d{5}-of-(\d{5})\.\w+$/.exec(file)?.slice(1, 3).join('-of-') ?? []);
  for (const [series, members] of Map.groupBy(numbered, (one) => one)) {
    const count = Number(series.slice(-5));
    if (members.length < count) return `${count - members.length} of the ${count} files ${series}`;
  }
  return undefined;
}

async function cardOf(folder: string): Promise<readonly DeclaredConfig[]> {
  const card = await readFile(join(folder, CARD), 'utf8').catch(() => '');
  return declaredConfigs(card);
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'));
}

function paths(folder: string, choice: ChosenFiles, name: string): readonly string[] {
  if ('problem' in choice) throw new DatasetError(name, `the data set ${choice.problem}.`);
  return choice.files.map((file) => join(folder, file));
}
