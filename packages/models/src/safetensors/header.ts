import { bytesPerElement, type DType } from '@forge/tensor';
import { isRecord } from '../config-fields.ts';
import { SafetensorsError, show } from '../errors.ts';
import { isWithinBounds } from './header-bounds.ts';

/** Where one tensor lies in a safetensors file. */
export interface TensorEntry {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** First byte, from the start of the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** The table of contents of a safetensors file. */
export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of the bytes. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
}

/** The limit of the reference implementation: a header is parsed whole, so its size must be bounded before it is read. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Ten times what the largest published checkpoints hold in one file. */
const MAX_TENSORS = 100_000;

/** No tensor of a model comes near; bounds the product of sizes. */
const MAX_DIMENSIONS = 8;

/** Those of one entry are eleven at most: between its keys, its sizes, its offsets, and before the next one. */
const MAX_COMMAS = 16 * MAX_TENSORS;

/** The dtype names of the format. Source: safetensors `tensor.rs`, `Dtype`. */
export const DTYPE_NAMES = {
  float64: 'F64',
  float32: 'F32',
  float16: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint64: 'U64',
  uint32: 'U32',
  uint16: 'U16',
  uint8: 'U8',
  bool: 'BOOL',
} as const satisfies Record<DType, string>;

// Object.entries forgets the key type of the table above.
const DTYPES = new Map(Object.entries(DTYPE_NAMES).map(([dtype, name]) => [name as string, dtype as DType]));

/**
 * Checks and reads the JSON part of a safetensors file: every entry in bounds and of the size its shape needs, no two
 * overlapping, no byte outside of all.
 *
 * @param bytes - the header without its eight bytes of length.
 * @throws {SafetensorsError} naming the file and the tensor.
 */
export function parseHeader(bytes: Uint8Array, file: string, fileBytes: number): SafetensorsHeader {
  const json = parseJson(bytes, file);
  const { __metadata__: metadata = {}, ...tensors } = json;
  const names = Object.keys(tensors);
  if (names.length > MAX_TENSORS) {
    throw new SafetensorsError({ file, expected: `at most ${MAX_TENSORS} tensors`, got: `${names.length}` });
  }
  const dataOffset = 8 + bytes.length;
  const read = names.map((name) => [name, parseEntry(tensors[name], { file, tensor: name, dataOffset })] as const);
  const ordered = read.toSorted(([, a], [, b]) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);
  refuseGaps(ordered, { file, dataOffset, fileBytes });
  return { metadata: parseMetadata(metadata, file), entries: new Map(ordered) };
}

function parseJson(bytes: Uint8Array, file: string): Record<string, unknown> {
  const expected = 'a JSON object of tensors in the header';
  if (!isWithinBounds(bytes, MAX_COMMAS)) {
    const got = `JSON that is nested deeper, or has more parts than ${MAX_TENSORS} tensors do`;
    throw new SafetensorsError({ file, expected, got });
  }
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new SafetensorsError({ file, expected, got: 'bytes that are not JSON', cause });
  }
  if (!isRecord(json)) throw new SafetensorsError({ file, expected, got: 'other JSON' });
  return json;
}

function parseMetadata(metadata: unknown, file: string): Record<string, string> {
  const isText = isRecord(metadata) && Object.values(metadata).every((value) => typeof value === 'string');
  if (!isText) throw new SafetensorsError({ file, expected: 'only strings in __metadata__', got: 'other values' });
  return metadata as Record<string, string>; // just checked
}

function parseEntry(entry: unknown, at: { file: string; tensor: string; dataOffset: number }): TensorEntry {
  const refuse = (expected: string, got: unknown): SafetensorsError =>
    new SafetensorsError({ file: at.file, tensor: at.tensor, expected, got: show(got) });
  if (!isRecord(entry)) throw refuse('an object with dtype, shape and data_offsets', entry);
  const { dtype: dtypeName, shape, data_offsets: offsets } = entry;
  const dtype = typeof dtypeName === 'string' ? DTYPES.get(dtypeName) : undefined;
  if (dtype === undefined) throw refuse(`a dtype among ${[...DTYPES.keys()].join(', ')}`, dtypeName);
  if (!areCounts(shape) || shape.length > MAX_DIMENSIONS) {
    throw refuse(`a shape of at most ${MAX_DIMENSIONS} whole numbers`, shape);
  }
  if (!areCounts(offsets) || offsets.length !== 2) throw refuse('data_offsets of two whole numbers', offsets);
  const [begin, end] = offsets as [number, number]; // two of them, as just checked
  const byteLength = shape.reduce((product, size) => product * size, bytesPerElement(dtype));
  if (end - begin !== byteLength) {
    throw refuse(`data_offsets ${byteLength} bytes apart for ${dtypeName} of shape [${shape.join(', ')}]`, offsets);
  }
  return { dtype, shape, byteOffset: at.dataOffset + begin, byteLength };
}

function areCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

/** Each tensor begins where the one before it ends, and the last one ends the file. */
function refuseGaps(
  ordered: readonly (readonly [string, TensorEntry])[],
  { file, dataOffset, fileBytes }: { file: string; dataOffset: number; fileBytes: number },
): void {
  let end = dataOffset;
  for (const [tensor, entry] of ordered) {
    if (entry.byteOffset !== end) {
      const got = `${entry.byteOffset - dataOffset}, which ${entry.byteOffset < end ? 'overlaps' : 'leaves a gap'}`;
      throw new SafetensorsError({ file, tensor, expected: `data from byte ${end - dataOffset} on`, got });
    }
    end += entry.byteLength;
    if (end > fileBytes) {
      throw new SafetensorsError({ file, tensor, expected: `a file of at least ${end} bytes`, got: `${fileBytes}` });
    }
  }
  if (end !== fileBytes) throw new SafetensorsError({ file, expected: `${end} bytes`, got: `${fileBytes}` });
}
