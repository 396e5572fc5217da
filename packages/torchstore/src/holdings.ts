import {
  type Batch,
  type HeldPart,
  type Located,
  type LocatedObject,
  type LocatedTensor,
  metadataVolume,
  type Part,
  type Place,
} from './batch.ts';
import { Segments } from './segments.ts';

/** What one put made of one key: immutable once it is visible. It lives while anything holds it. */
export interface Entry {
  located: LocatedTensor | LocatedObject;
  uses: number;
}

/** Whether what has a key is a tensor. */
export function isTensorEntry(located: Located): located is LocatedTensor {
  return 'parts' in located;
}

/** The parts that have bytes, once for each replica. */
export function held(parts: readonly Part[]): HeldPart[] {
  return parts.flatMap(({ region, places, bytes }): HeldPart[] => {
    if (bytes === undefined) return places.map((place) => ({ region, place }));
    const place = { volume: metadataVolume, segment: '', byteOffset: 0, byteLength: bytes.length };
    return [{ region, place, bytes }];
  });
}

/** Bytes of parts, replicas counted each. */
export function bytesOfParts(parts: readonly Part[]): number {
  let sum = 0;
  for (const { places, bytes } of parts) {
    sum += bytes?.length ?? 0;
    for (const { byteLength } of places) sum += byteLength;
  }
  return sum;
}

/** Those of the bytes of parts that lie with the metadata. */
export function inlineBytesOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0);
}

/** Bytes of objects. */
export function bytesOfObjects(objects: readonly { readonly bytes: Uint8Array }[]): number {
  return objects.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

/** The bytes that entries and unfinished puts hold; what nothing holds any more is dropped. */
export class Holdings {
  readonly segments = new Segments();
  /** Of what lies with the metadata: objects and small pieces. */
  #inlineBytes = 0;

  /** Bytes of segments, and of what lies with the metadata. */
  get bytes(): number {
    return this.segments.bytes + this.#inlineBytes;
  }

  /** Holds the bytes of a batch until they are freed or belong to an entry. */
  take({ parts, objects, keepsSegments }: Pick<Batch, 'parts' | 'objects' | 'keepsSegments'>): void {
    for (const { places } of parts) for (const place of places) this.segments.add(place, keepsSegments);
    this.#inlineBytes += inlineBytesOf(parts) + bytesOfObjects(objects);
  }

  /** Lets go of the bytes of a batch that does not become visible. */
  free({ parts, objects }: Pick<Batch, 'parts' | 'objects'>): void {
    for (const { places } of parts) for (const place of places) this.segments.remove(place);
    this.#inlineBytes -= inlineBytesOf(parts) + bytesOfObjects(objects);
  }

  hold(entry: Entry): void {
    entry.uses += 1;
  }

  drop(entry: Entry): void {
    entry.uses -= 1;
    if (entry.uses > 0) return;
    const { located } = entry;
    if (!isTensorEntry(located)) this.#inlineBytes -= located.bytes.length;
    else
      for (const { place, bytes } of located.parts) {
        if (bytes === undefined) this.segments.remove(place);
        else this.#inlineBytes -= bytes.length;
      }
  }

  /** Lets go of an entry whose reader was lost and may go on reading. */
  abandon(entry: Entry): void {
    const { located } = entry;
    if (isTensorEntry(located)) for (const { place } of located.parts) this.segments.spoil(place);
    this.drop(entry);
  }

  /** Takes the pieces on a volume that died out of an entry. */
  loseVolume(entry: Entry, volume: string): void {
    const { located } = entry;
    if (!isTensorEntry(located)) return;
    const isThere = ({ place }: { readonly place: Place }) => place.volume === volume;
    const lost = located.parts.filter(isThere);
    if (lost.length === 0) return;
    for (const { place } of lost) this.segments.remove(place);
    const parts = located.parts.filter((part) => !isThere(part));
    entry.located = { ...located, parts, lostVolumes: [...(located.lostVolumes ?? []), volume] };
  }
}
