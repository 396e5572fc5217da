/** A dataset file cannot be used: it is missing, empty, or one of its lines is not what the format asks for. */
export class DatasetError extends Error {
  override readonly name = 'DatasetError';
  readonly code = 'ERR_DATA_DATASET';
  readonly path: string;
  /** 1-based; absent when the whole file is meant. */
  readonly line: number | undefined;

  constructor(
    path: string,
    problem: string,
    { line, cause }: { readonly line?: number; readonly cause?: unknown } = {},
  ) {
    super(`${path}${line === undefined ? '' : `:${line}`}: ${problem}`, { cause });
    this.path = path;
    this.line = line;
  }
}
