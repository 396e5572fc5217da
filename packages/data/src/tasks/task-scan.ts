import type { Task } from '@forge/environments';
import { DatasetError } from '../errors.ts';
import { openRecords } from '../records/open-records.ts';
import type { Block, DataRecord, Fields, FoundRecord } from '../records/record.ts';
import type { SourceReport } from '../sources/source-report.ts';
import { formOfMost, type RecordForm } from './record-forms.ts';

/** What to do about a record that cannot be used: end with an error that names it, or leave it out and count it. */
export type OnBroken = 'stop' | 'skip';

export interface TaskScanOptions {
  /** What it is called in errors that are about no single file. */
  readonly name: string;
  readonly files: readonly string[];
  /** @default the known one that most of the first hundred records have */
  readonly form?: RecordForm;
  /** @default 'stop' */
  readonly onBroken?: OnBroken;
  /** The share of broken records at which they are no longer skipped. @default 0.1 */
  readonly maxBroken?: number;
  /** What is wrong with a task beyond the form of its record, as a sentence. @default nothing */
  readonly check?: (task: Task) => string | undefined;
}

/** The tasks of a block of a file. */
export interface ScannedBlock {
  /** Index of the file. */
  readonly file: number;
  readonly block: Block;
  /** One for each record that was found; `undefined` where it is broken. */
  readonly tasks: readonly (Task | undefined)[];
}

/** How many messages about broken records are kept. */
const SHOWN = 3;
/** Records that the form is found by. */
const SAMPLED = 100;

/** Reads files once, from beginning to end, and makes tasks of their records. Memory is bounded by a block. */
export class TaskScan {
  readonly #options: TaskScanOptions;
  #form: RecordForm | undefined;
  #columns: readonly string[] = [];
  #records = 0;
  #broken = 0;
  readonly #firstBroken: string[] = [];

  constructor(options: TaskScanOptions) {
    this.#options = options;
    this.#form = options.form;
  }

  /** As soon as a record was read. */
  get form(): RecordForm | undefined {
    return this.#form;
  }

  /** What was found so far. */
  get report(): Pick<SourceReport, 'form' | 'columns' | 'records' | 'broken' | 'firstBroken'> {
    const { name: form = '' } = this.#form ?? {};
    return {
      form,
      columns: this.#columns,
      records: this.#records,
      broken: this.#broken,
      firstBroken: this.#firstBroken,
    };
  }

  /**
   * Every block in order. To be called once.
   *
   * @throws {DatasetError} when a file is damaged, nothing is in it, its form is unknown, or too much of it is broken.
   */
  async *blocks(): AsyncGenerator<ScannedBlock> {
    const { name, files, onBroken = 'stop', maxBroken = 0.1 } = this.#options;
    for (const [index, path] of files.entries()) {
      await using file = await openRecords(path);
      for await (const { block, records } of file.blocks()) {
        this.#form ??= this.#formOfMost(records);
        yield { file: index, block, tasks: records.map((record) => this.#task(record, onBroken)) };
      }
    }
    if (this.#records === 0) throw new DatasetError(name, 'the file has no records.');
    if (this.#broken > maxBroken * this.#records) {
      throw new DatasetError(
        name,
        `${this.#broken} of ${this.#records} records are broken, more than the share of ${maxBroken} that may be skipped:\n` +
          this.#firstBroken.map((message) => `  ${message}`).join('\n'),
      );
    }
  }

  #task(record: FoundRecord, onBroken: OnBroken): Task | undefined {
    this.#records += 1;
    const read = 'error' in record ? record : this.#read(record);
    if ('task' in read) return read.task;
    if (onBroken === 'stop') throw read.error;
    this.#broken += 1;
    if (this.#firstBroken.length < SHOWN) this.#firstBroken.push(read.error.message);
    return undefined;
  }

  #read(record: DataRecord): { readonly task: Task } | { readonly error: DatasetError } {
    const mapped = this.#form!.read(record.value); // found before the first record is read
    const problem = 'task' in mapped ? this.#options.check?.(mapped.task) : mapped.problem;
    if ('task' in mapped && problem === undefined) return mapped;
    return { error: new DatasetError(record.path, problem!, record) }; // there is a problem or a task
  }

  #formOfMost(records: readonly FoundRecord[]): RecordForm | undefined {
    const sampled = records.flatMap((record) => ('value' in record ? [record] : [])).slice(0, SAMPLED);
    const [first] = sampled;
    if (first === undefined) return undefined;
    this.#columns = Object.keys(first.value);
    const form = formOfMost(sampled.map(({ value }) => value));
    if (form === undefined) throw new DatasetError(first.path, unknownForm(first.value), first);
    return form;
  }
}

const unknownForm = (record: Fields): string =>
  `its fields are ${Object.keys(record).join(', ') || 'none'}: no form that is known. Say which of them are what: ` +
  'fields.prompt, and fields.target or fields.completion.';
