import type { Batch, HeldPart, Located, LocatedObject, LocatedTensor, Part, Place } from './batch.ts';
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
  return parts.flatMap(({ region, places }) => places.map((place) => ({ region, place })));
}

/** The bytes that entries and unfinished puts hold; what nothing holds any more is dropped. */
export class Holdings {
  readonly segments = new Segments();
  #objectBytes = 0;

  /** Bytes of segments and of objects. */
  get bytes(): number {
    return this.segments.bytes + this.#objectBytes;
  }

  /** Holds the bytes of a batch until they are freed or belong to an entry. */
  take({ parts, objects, keepsSegments }: Pick<Batch, 'parts' | 'objects' | 'keepsSegments'>): void {
    for (const { places } of parts) for (const place of places) this.segments.add(place, keepsSegments);
    for (const { bytes } of objects) this.#objectBytes += bytes.length;
  }

  /** Lets go of the bytes of a batch that does not become visible. */
  free({ parts, objects }: Pick<Batch, 'parts' | 'objects'>): void {
    for (const { places } of parts) for (const place of places) this.segments.remove(place);
    for (const { bytes } of objects) this.#objectBytes -= bytes.length;
  }

  hold(entry: Entry): void {
    entry.uses += 1;
  }

  drop(entry: Entry): void {
    entry.uses -= 1;
    if (entry.uses > 0) return;
    const { located } = entry;
    if (isTensorEntry(located)) for (const { place } of located.parts) this.segments.remove(place);
    else this.#objectBytes -= located.bytes.length;
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
