import type { Json } from '@forge/environments';
import type { DatasetError, RecordPlace } from '../errors.ts';

/** Fields by their names, as a file has them. */
export type Fields = Readonly<Record<string, Json>>;

/** One record of a file, with the place it stands at. */
export interface DataRecord extends RecordPlace {
  readonly path: string;
  readonly value: Fields;
}

/** A place where a record should be. */
export interface BrokenRecord {
  readonly error: DatasetError;
}

export type FoundRecord = DataRecord | BrokenRecord;

/** A piece of a file that can be read again without what stands before it. */
export interface Block {
  /** Of bytes in a text, of rows in a table. */
  readonly start: number;
  readonly length: number;
  /** The line or row that its first record stands at, from 1. */
  readonly first: number;
}

/** Records of a block, in the order of the file. */
export interface ReadBlock {
  readonly block: Block;
  readonly records: readonly FoundRecord[];
}

/** A file of records that is open. Memory is bounded by its blocks, whatever its size. */
export interface RecordFile extends AsyncDisposable {
  readonly path: string;
  /** Blocks can be read again, by {@link RecordFile.read}. */
  readonly isSeekable: boolean;
  /** The whole file, block by block. @throws {DatasetError} when it is damaged */
  blocks(): AsyncIterable<ReadBlock>;
  /** The records of one block. */
  read(block: Block): Promise<readonly FoundRecord[]>;
}
