import type { DType } from '@forge/tensor';
import type { Found, HeldPart, LocatedTensor } from './batch.ts';
import { ColumnReader, type Columns, ColumnWriter } from './columns.ts';
import { Page, PageLayout } from './pages.ts';

/**
 * What was found, as it crosses processes. A list and not a record, with what is seldom there at its end: most answers are
 * one small tensor.
 *
 *   tensor: dtype generation version rank │ shape… │ lost, volume… │ parts, each: offset… size… place
 */
export type PackedFound = readonly [
  keys: readonly string[],
  names: Columns['names'],
  numbers: Columns['numbers'],
  /** The first page of the bytes that lie with the metadata. */
  page?: Uint8Array | undefined,
  pin?: number | undefined,
  rest?: Pick<Found, 'objects' | 'structure'> | undefined,
];

/** What was found, with the first page of the bytes that lie with the metadata. */
export interface Unpacked extends Found {
  readonly page: Uint8Array | undefined;
}

/** Packs what was found. */
export function packFound({ tensors, objects, structure, pin }: Found): PackedFound {
  const writer = new ColumnWriter();
  const layout = new PageLayout();
  const page = new Page();
  const write = ({ region, place, bytes }: HeldPart) => {
    writer.region(region);
    const own = bytes === undefined ? place : layout.place(bytes.length);
    if (bytes !== undefined && own.segment === '0') page.add(bytes, own.byteOffset);
    writer.place(own);
  };
  for (const { dtype, generation, version, shape, parts, lostVolumes = [] } of tensors) {
    writer.name(dtype);
    writer.number(generation);
    writer.number(version ?? Number.NaN);
    writer.number(shape.length);
    writer.list(shape);
    writer.number(lostVolumes.length);
    for (const volume of lostVolumes) writer.name(volume);
    writer.number(parts.length);
    for (const part of parts) write(part);
  }
  const { names, numbers } = writer.columns;
  const keys = tensors.map(({ key }) => key);
  if (objects.length > 0 || structure !== undefined)
    return [keys, names, numbers, page.bytes, pin, { objects, structure }];
  return pin === undefined ? [keys, names, numbers, page.bytes] : [keys, names, numbers, page.bytes, pin];
}

/** Unpacks what was found. */
export function unpackFound([keys, names, numbers, page, pin, rest]: PackedFound): Unpacked {
  const reader = new ColumnReader({ names, numbers });
  const tensors = keys.map((key): LocatedTensor => {
    const dtype = reader.name() as DType; // the dtype of a tensor was packed
    const generation = reader.number();
    const version = reader.number();
    const rank = reader.number();
    const shape = reader.list(rank);
    const lostVolumes: string[] = [];
    for (let left = reader.number(); left > 0; left -= 1) lostVolumes.push(reader.name());
    const parts: HeldPart[] = [];
    for (let left = reader.number(); left > 0; left -= 1)
      parts.push({ region: reader.region(rank), place: reader.place() });
    const tensor = { key, generation, version: Number.isNaN(version) ? undefined : version, dtype, shape, parts };
    return lostVolumes.length === 0 ? tensor : { ...tensor, lostVolumes };
  });
  return { status: 'found', pin, tensors, objects: rest?.objects ?? [], structure: rest?.structure, page };
}
