/** Where a record stands in a file: a line of a text, a row of a table. Both count from 1. */
export interface RecordPlace {
  readonly line?: number;
  readonly row?: number;
}

/** A dataset cannot be used: a file is missing, damaged or empty, or a record is not what the format asks for. */
export class DatasetError extends Error {
  override readonly name = 'DatasetError';
  readonly code = 'ERR_DATA_DATASET';
  readonly path: string;
  /** 1-based; absent when the whole file is meant, or the file is a table. */
  readonly line: number | undefined;
  /** 1-based, of a table. */
  readonly row: number | undefined;

  constructor(path: string, problem: string, { line, row, cause }: RecordPlace & { readonly cause?: unknown } = {}) {
    const place = line !== undefined ? `:${line}` : row !== undefined ? `, row ${row}` : '';
    super(`${path}${place}: ${problem}`, { cause });
    this.path = path;
    this.line = line;
    this.row = row;
  }
}

/** A source of tasks is not what it is asked to be: a set that does not exist, a file that cannot be streamed, a name twice. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly code = 'ERR_DATA_SOURCE';
  /** Its path or name. */
  readonly source: string;

  constructor(source: string, problem: string) {
    super(`${source}: ${problem}`);
    this.source = source;
  }
}
