import type { Task } from '@forge/environments';
import { DatasetError } from '../errors.ts';
import { openRecords } from '../records/open-records.ts';
import type { Block, RecordFile } from '../records/record.ts';
import { formOfName, formWith, type RecordForm } from './record-forms.ts';
import type { TaskFields } from './task-fields.ts';

/** A block of a file, and which of its records are tasks of the set. */
export interface IndexedBlock extends Block {
  /** Index of the file. */
  readonly file: number;
  /** How many records are of the set. */
  readonly kept: number;
  /** A bit for each record; absent where all are kept. */
  readonly mask?: Uint8Array;
}

/**
 * Where the tasks of files stand: what reading the files once found out. Plain data, a byte for some records, by which any part
 * of the files can be read again.
 */
export interface TaskIndex {
  readonly files: readonly string[];
  /** Fields that were told, or the name of a known form. */
  readonly form: TaskFields | string;
  readonly blocks: readonly IndexedBlock[];
}

/** The bits of those that are kept, and how many; no bits where all are. */
export function maskOf(isKept: readonly boolean[]): Pick<IndexedBlock, 'kept' | 'mask'> {
  const kept = isKept.filter(Boolean).length;
  if (kept === isKept.length) return { kept };
  const mask = new Uint8Array((isKept.length + 7) >> 3);
  for (const [slot, is] of isKept.entries()) if (is) mask[slot >> 3]! |= 1 << (slot & 7);
  return { kept, mask };
}

/**
 * Reads the tasks of some blocks again, in this order.
 *
 * @throws {DatasetError} when a file is no longer what it was when the index was made.
 */
export async function readIndexed({ files, form, blocks }: TaskIndex, wanted: readonly number[]): Promise<Task[]> {
  const open = new Map<number, RecordFile>();
  try {
    const reader = typeof form === 'string' ? formOfName(form) : formWith(form);
    const tasks: Task[] = [];
    for (const index of wanted) {
      const block = blocks[index]!; // callers have the indices from this index
      const file = open.get(block.file) ?? (await openRecords(files[block.file]!));
      open.set(block.file, file);
      for (const task of await tasksOf(file, block, reader)) tasks.push(task);
    }
    return tasks;
  } finally {
    for (const file of open.values()) await file[Symbol.asyncDispose]();
  }
}

async function tasksOf(file: RecordFile, block: IndexedBlock, form: RecordForm): Promise<readonly Task[]> {
  const { kept, mask } = block;
  const records = await file.read(block);
  const tasks = records.flatMap((record, slot) => {
    const isKept = mask === undefined || (mask[slot >> 3]! & (1 << (slot & 7))) !== 0;
    if (!isKept || !('value' in record)) return [];
    const read = form.read(record.value);
    return 'task' in read ? [read.task] : [];
  });
  if (tasks.length === kept) return tasks;
  throw new DatasetError(file.path, `it is not what it was: ${tasks.length} tasks where ${kept} were.`, {
    line: block.first,
  });
}
