import { isRecordFile } from '../records/open-records.ts';
import type { DeclaredConfig } from './card.ts';

/** Which part of a data set is meant. */
export interface PartOfDataset {
  /** A configuration of a data set that has several, such as `main`. @default the only one, or the one called `default` */
  readonly config?: string;
  /** Such as `train` or `test`. @default 'train', or everything where nothing is split */
  readonly split?: string;
}

/** The files of a part; or what is wrong with what was asked for. */
export type ChosenFiles = { readonly files: readonly string[] } | { readonly problem: string };

/** Words in names of files that say which split they are of. Source: datasets `data_files.py`. */
const SPLIT_WORDS: Readonly<Record<string, readonly string[]>> = {
  train: ['train', 'training'],
  validation: ['validation', 'valid', 'val', 'dev'],
  test: ['test', 'testing', 'eval', 'evaluation'],
};

/**
 * The files of a part of a data set, as Python's datasets finds them: those that its card declares, or else by the words in
 * their names.
 *
 * @param available - names below the folder or repository, with `/` between.
 */
export function chooseFiles(
  available: readonly string[],
  part: PartOfDataset,
  declared: readonly DeclaredConfig[] = [],
): ChosenFiles {
  if (declared.length > 0) return chooseDeclared(available, part, declared);
  const records = inOneFormat(available.filter(isRecordFile).toSorted());
  if (records.length === 0) return { problem: 'has no .jsonl, .json, .csv and no .parquet files' };
  const { config } = part;
  const ofConfig =
    config === undefined ? records : records.filter((name) => name.split('/').slice(0, -1).includes(config));
  if (ofConfig.length === 0) return { problem: `has no folder ${config} of records. It has ${folders(records)}` };
  const splits = Map.groupBy(ofConfig, splitOf);
  const { split = splits.has('train') ? 'train' : undefined } = part;
  if (split === undefined) return { files: splits.get(undefined) ?? ofConfig };
  const files = splits.get(split) ?? ofConfig.filter((name) => wordsOf(name).includes(split));
  if (files.length > 0) return { files };
  const known = [...splits.keys()].filter((name) => name !== undefined);
  return { problem: `has no split ${split}. It has ${known.join(', ') || 'no splits'}` };
}

function chooseDeclared(
  available: readonly string[],
  { config, split = 'train' }: PartOfDataset,
  declared: readonly DeclaredConfig[],
): ChosenFiles {
  const names = declared.map(({ name }) => name).join(', ');
  const chosen =
    config === undefined
      ? declared.length === 1
        ? declared[0]
        : declared.find(({ name, isDefault }) => isDefault || name === 'default')
      : declared.find(({ name }) => name === config);
  if (chosen === undefined) {
    return {
      problem:
        config === undefined ? `has several configs: name one of ${names}` : `has no config ${config}. It has ${names}`,
    };
  }
  const patterns = chosen.splits.get(split);
  if (patterns === undefined) {
    return { problem: `has no split ${split}. It has ${[...chosen.splits.keys()].join(', ')}` };
  }
  const files = available.filter((name) => patterns.some((pattern) => matches(name, pattern))).toSorted();
  if (files.length === 0) return { problem: `has no files ${patterns.join(', ')}` };
  const other = files.find((name) => !isRecordFile(name));
  return other === undefined ? { files } : { problem: `keeps its records in ${other}, which is not read` };
}

const wordsOf = (name: string): readonly string[] => name.toLowerCase().split(/[^a-z]+/);

function splitOf(name: string): string | undefined {
  const words = wordsOf(name);
  const splits = Object.entries(SPLIT_WORDS);
  return splits.find(([, known]) => known.some((word) => words.includes(word)))?.[0];
}

/** Data sets are sometimes there in two formats; tables come before lines. */
function inOneFormat(names: readonly string[]): readonly string[] {
  const tables = names.filter((name) => name.endsWith('.parquet'));
  return tables.length > 0 ? tables : names;
}

function folders(names: readonly string[]): string {
  const all = new Set(names.flatMap((name) => name.split('/').slice(0, -1)));
  return [...all].join(', ') || 'no folders';
}

/** Whether a name is one of a pattern with `*` (in a folder), `**` (in any) and `?`. */
function matches(name: string, pattern: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replace(/\*\*\/|\*\*|\*|\?/g, (found) => ({ '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*' })[found] ?? '[^/]');
  return new RegExp(`^${source}$`).test(name);
}
