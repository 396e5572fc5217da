import { parse } from 'yaml';

/** A configuration as the card of a data set declares it. */
export interface DeclaredConfig {
  readonly name: string;
  readonly isDefault: boolean;
  /** Patterns of file names by split. */
  readonly splits: ReadonlyMap<string, readonly string[]>;
}

/**
 * The configurations that the card of a data set declares, its README.md; none where it says nothing of files.
 *
 * Source: https://huggingface.co/docs/hub/datasets-manual-configuration
 */
export function declaredConfigs(card: string): readonly DeclaredConfig[] {
  const front = /^---\r?\n(.*?)\r?\n---/s.exec(card)?.[1];
  const { configs } = recordOf(front === undefined ? undefined : parsed(front));
  return listOf(configs).flatMap((entry) => {
    const { config_name: name, data_files: files, default: isDefault } = recordOf(entry);
    const splits = splitsOf(files);
    if (typeof name !== 'string' || splits.size === 0) return [];
    return [{ name, isDefault: isDefault === true, splits }];
  });
}

function splitsOf(files: unknown): ReadonlyMap<string, readonly string[]> {
  const entries = listOf(files).map((entry): readonly [string, readonly string[]] => {
    if (typeof entry === 'string') return ['train', [entry]];
    const { split, path } = recordOf(entry);
    return [String(split), listOf(path).map(String)];
  });
  const groups = Map.groupBy(entries, ([split]) => split);
  return new Map([...groups].map(([split, of]) => [split, of.flatMap(([, patterns]) => patterns)]));
}

/** A card is written by people; one that is no YAML says nothing. */
function parsed(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  value instanceof Object ? (value as Record<string, unknown>) : {};

const listOf = (value: unknown): readonly unknown[] =>
  value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
