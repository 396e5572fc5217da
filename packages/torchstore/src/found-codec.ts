import type { DType } from '@forge/tensor';
import type { Found, HeldPart, LocatedTensor } from './batch.ts';

/**
 * What was found, as it crosses processes: ten thousand tensors as objects take longer to pack than to read, so their
 * numbers travel as one array and their names once each.
 *
 *   tensor: dtype generation version rank │ shape… │ lost, volume… │ parts, each: offset… size… volume segment at bytes
 */
export interface PackedFound extends Omit<Found, 'tensors'> {
  readonly keys: readonly string[];
  /** Dtypes, volumes and segments; the numbers say which. */
  readonly names: readonly string[];
  readonly numbers: Float64Array;
}

/** Packs what was found. */
export function packFound({ tensors, ...rest }: Found): PackedFound {
  const indexes = new Map<string, number>();
  const numbers: number[] = [];
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
  for (const { dtype, generation, version, shape, parts, lostVolumes = [] } of tensors) {
    name(dtype);
    numbers.push(generation, version ?? Number.NaN, shape.length);
    list(shape);
    numbers.push(lostVolumes.length);
    for (const volume of lostVolumes) name(volume);
    numbers.push(parts.length);
    for (const { region, place } of parts) {
      list(region.offset);
      list(region.size);
      name(place.volume);
      name(place.segment);
      numbers.push(place.byteOffset, place.byteLength);
    }
  }
  return {
    ...rest,
    keys: tensors.map(({ key }) => key),
    names: [...indexes.keys()],
    numbers: Float64Array.from(numbers),
  };
}

/** Unpacks what was found. */
export function unpackFound({ keys, names, numbers, ...rest }: PackedFound): Found {
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
    return { region, place: { volume: nextName(), segment: nextName(), byteOffset: next(), byteLength: next() } };
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
