import { Column } from './column.ts';

/** Where a run went over to another phase. */
export interface PhaseChange {
  readonly phase: string;
  readonly step: number;
  readonly wallSeconds: number;
}

/** Keys of a line that say where it stands. */
const PLACES = ['step', 'wallSeconds'] as const;
export type Place = (typeof PLACES)[number];

/** The numbers of `metrics.jsonl`, a column a metric, a row a line; NaN where a line has no such number. */
export class MetricTable {
  readonly #columns = new Map<string, Column>(PLACES.map((name) => [name, new Column()]));
  readonly #phases: PhaseChange[] = [];
  #length = 0;
  #skipped = 0;

  /** Lines that were read. */
  get length(): number {
    return this.#length;
  }

  /** Lines that were not an object of numbers. */
  get skipped(): number {
    return this.#skipped;
  }

  get phases(): readonly PhaseChange[] {
    return this.#phases;
  }

  /** Names of the metrics that have a number at least, in the order in which they came. */
  get metrics(): readonly string[] {
    return [...this.#columns.keys()].filter((name) => !(PLACES as readonly string[]).includes(name));
  }

  /** A column as long as there are lines; none for a name that nobody wrote. */
  column(name: string): Float64Array | undefined {
    const column = this.#columns.get(name);
    column?.padTo(this.#length);
    return column?.values;
  }

  add(line: string): void {
    const record = parseRecord(line);
    if (record === undefined) {
      this.#skipped++;
      return;
    }
    for (const [name, value] of Object.entries(record)) {
      if (typeof value !== 'number') continue;
      let column = this.#columns.get(name);
      if (column === undefined) {
        column = new Column();
        this.#columns.set(name, column);
      }
      column.padTo(this.#length);
      column.push(value);
    }
    const { step, wallSeconds, phase } = record;
    if (typeof phase === 'string' && phase !== this.#phases.at(-1)?.phase) {
      this.#phases.push({ phase, step: Number(step), wallSeconds: Number(wallSeconds) });
    }
    this.#length++;
  }
}

function parseRecord(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const record: unknown = JSON.parse(line);
    return typeof record === 'object' && record !== null && 'step' in record
      ? (record as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
