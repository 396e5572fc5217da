import type { DType } from '@forge/tensor';
import type { Batch, Claim, Part, Place } from './batch.ts';
import { ColumnReader, type Columns, ColumnWriter } from './columns.ts';
import { Page, PageLayout } from './pages.ts';

type Required = Pick<Claim, 'session' | 'name' | 'digest'>;

/**
 * A batch, as it crosses processes: its parts in columns, their bytes side by side, and of the rest only what is not empty.
 *
 *   part: dtype rank │ shape… offset… size… │ count of bytes, or -1 │ places
 */
export type PackedBatch = readonly [
  rest: Required & Partial<Omit<Batch, 'parts'>>,
  keys: readonly string[],
  names: Columns['names'],
  numbers: Columns['numbers'],
  bytes?: Uint8Array,
];

const noBytes = -1;

/** Packs a batch. */
export function packBatch({ parts, ...batch }: Batch): PackedBatch {
  const writer = new ColumnWriter();
  const layout = new PageLayout();
  const page = new Page();
  for (const { dtype, globalShape, region, places, bytes } of parts) {
    writer.name(dtype);
    writer.number(globalShape.length);
    writer.list(globalShape);
    writer.region(region);
    writer.number(bytes?.length ?? noBytes);
    if (bytes !== undefined) page.add(bytes, layout.place(bytes.length).byteOffset);
    writer.number(places.length);
    for (const place of places) writer.place(place);
  }
  const rest: Record<string, unknown> = {};
  for (const field in batch) {
    const value: unknown = Reflect.get(batch, field);
    if (value !== undefined && !(Array.isArray(value) && value.length === 0)) rest[field] = value;
  }
  const claim = rest as PackedBatch[0]; // a claim has a session, a name and a digest
  const { names, numbers } = writer.columns;
  const keys = parts.map(({ key }) => key);
  return page.bytes === undefined ? [claim, keys, names, numbers] : [claim, keys, names, numbers, page.bytes];
}

/** Unpacks a batch. */
export function unpackBatch([rest, keys, names, numbers, page]: PackedBatch): Batch {
  const reader = new ColumnReader({ names, numbers });
  const layout = new PageLayout();
  const bytesOfNext = (): Uint8Array | undefined => {
    const length = reader.number();
    if (length === noBytes || page === undefined) return undefined;
    const { byteOffset } = layout.place(length);
    // Each by itself: the last of them to stay must not hold the memory of all.
    return page.length === length ? page : page.slice(byteOffset, byteOffset + length);
  };
  const parts = keys.map((key): Part => {
    const dtype = reader.name() as DType; // the dtype of a piece was packed
    const rank = reader.number();
    const globalShape = reader.list(rank);
    const region = reader.region(rank);
    const bytes = bytesOfNext();
    const places: Place[] = [];
    for (let left = reader.number(); left > 0; left -= 1) places.push(reader.place());
    const part = { key, dtype, globalShape, region, places };
    return bytes === undefined ? part : { ...part, bytes };
  });
  const nothing = { participant: undefined, version: undefined, transaction: undefined, structure: undefined };
  return { ...nothing, reservations: [], objects: [], ...rest, parts };
}
