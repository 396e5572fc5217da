import type { DType } from '@forge/tensor';
import type { Found, HeldPart, LocatedTensor, Place } from './batch.ts';
import { Page, PageLayout } from './pages.ts';

/**
 * What was found, as it crosses processes: ten thousand tensors as objects take longer to pack than to read, so their
 * numbers travel as one array and their names once each.
 *
 *   tensor: dtype generation version rank │ shape… │ lost, volume… │ parts, each: offset… size… volume segment at bytes checksum
 */
export interface PackedFound extends Omit<Found, 'tensors'> {
  readonly keys: readonly string[];
  /** Dtypes, volumes and segments; the numbers say which. */
  readonly names: readonly string[];
  /** As an array while they are few: one of a typed array's own costs more than it saves then. */
  readonly numbers: Float64Array | readonly number[];
  /** The first page of the bytes that lie with the metadata; undefined when there are none. */
  readonly page: Uint8Array | undefined;
}

/** What was found, with the first page of the bytes that lie with the metadata. */
export interface Unpacked extends Found {
  readonly page: Uint8Array | undefined;
}

/** Numbers that travel one by one. */
const maxFewNumbers = 256;

/** Packs what was found. */
export function packFound({ tensors, ...rest }: Found): PackedFound {
  const indexes = new Map<string, number>();
  const numbers: number[] = [];
  const layout = new PageLayout();
  const page = new Page();
  const name = (text: string) => {
    let index = indexes.get(text);
    if (index === undefined) {
      index = indexes.size;
      indexes.set(text, index);
    }
    numbers.push(index);
  };
  const list = (values: readonly number[]) => {
    for (const value of values) numbers.push(value);
  };
  const placeOf = ({ place, bytes }: HeldPart): Place => {
    if (bytes === undefined) return place;
    const own = layout.place(bytes.length);
    if (own.segment === '0') page.add(bytes, own.byteOffset);
    return own;
  };
  for (const { dtype, generation, version, shape, parts, lostVolumes = [] } of tensors) {
    name(dtype);
    numbers.push(generation, version ?? Number.NaN, shape.length);
    list(shape);
    numbers.push(lostVolumes.length);
    for (const volume of lostVolumes) name(volume);
    numbers.push(parts.length);
    for (const part of parts) {
      list(part.region.offset);
      list(part.region.size);
      const { volume, segment, byteOffset, byteLength, checksum = Number.NaN } = placeOf(part);
      name(volume);
      name(segment);
      numbers.push(byteOffset, byteLength, checksum);
    }
  }
  return {
    ...rest,
    keys: tensors.map(({ key }) => key),
    names: [...indexes.keys()],
    numbers: numbers.length <= maxFewNumbers ? numbers : Float64Array.from(numbers),
    page: page.bytes,
  };
}

/** Unpacks what was found. */
export function unpackFound({ keys, names, numbers, ...rest }: PackedFound): Unpacked {
  let at = 0;
  const next = () => {
    at += 1;
    return numbers[at - 1]!; // packFound wrote as many as are read
  };
  const nextName = () => names[next()]!; // likewise
  const list = (length: number) => {
    const values: number[] = [];
    for (let index = 0; index < length; index += 1) values.push(next());
    return values;
  };
  const part = (rank: number): HeldPart => {
    const region = { offset: list(rank), size: list(rank) };
    const place = { volume: nextName(), segment: nextName(), byteOffset: next(), byteLength: next() };
    const checksum = next();
    return { region, place: Number.isNaN(checksum) ? place : { ...place, checksum } };
  };
  const tensors = keys.map((key): LocatedTensor => {
    const dtype = nextName() as DType; // the dtype of a tensor was packed
    const generation = next();
    const version = next();
    const rank = next();
    const shape = list(rank);
    const lostVolumes = Array.from({ length: next() }, nextName);
    const parts: HeldPart[] = [];
    for (let rest = next(); rest > 0; rest -= 1) parts.push(part(rank));
    const tensor = { key, generation, version: Number.isNaN(version) ? undefined : version, dtype, shape, parts };
    return lostVolumes.length === 0 ? tensor : { ...tensor, lostVolumes };
  });
  return { ...rest, tensors };
}
