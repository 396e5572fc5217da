import { LineFollower } from './line-follower.ts';

/** A line of a file of records. */
export type LoggedRecord = Readonly<Record<string, unknown>>;

/** The records of a JSON Lines file, the latest of them. */
export class RecordFile {
  readonly #lines: LineFollower;
  readonly #maxRecords: number;
  #records: LoggedRecord[] = [];
  #count = 0;

  constructor(path: string, maxRecords = 1_000) {
    this.#lines = new LineFollower(path);
    this.#maxRecords = maxRecords;
  }

  /** All that were written. */
  get length(): number {
    return this.#count;
  }

  /** The latest, oldest first. */
  get records(): readonly LoggedRecord[] {
    return this.#records;
  }

  /** Reads what was added. @returns whether there was something. */
  refresh(): boolean {
    let hasNews = false;
    for (const part of this.#lines.read()) {
      if (part.isNew) {
        this.#records = [];
        this.#count = 0;
      }
      const records = part.lines.flatMap(({ text }) => parsed(text));
      this.#records = [...this.#records, ...records].slice(-this.#maxRecords);
      this.#count += records.length;
      hasNews ||= part.isNew || records.length > 0;
    }
    return hasNews;
  }

  [Symbol.dispose](): void {
    this.#lines[Symbol.dispose]();
  }
}

/** A line that is no record is left out. */
function parsed(text: string): readonly LoggedRecord[] {
  try {
    const record: unknown = JSON.parse(text);
    return typeof record === 'object' && record !== null ? [record as LoggedRecord] : [];
  } catch {
    return [];
  }
}
