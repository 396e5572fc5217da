import type { Place } from './batch.ts';

/** A file of a volume. */
export interface SegmentName {
  readonly volume: string;
  readonly segment: string;
}

interface Use {
  readonly name: SegmentName;
  count: number;
  bytes: number;
  /** Its writer overwrites it once nobody uses it. */
  isKept: boolean;
}

const idOf = ({ volume, segment }: SegmentName) => `${volume}/${segment}`;

/** Counts the pieces in each segment file, and collects the files that hold none any more. */
export class Segments {
  readonly #uses = new Map<string, Use>();
  readonly #bytes = new Map<string, number>();
  #dropped: SegmentName[] = [];
  #removals = 0;

  /** Files that fell out of use so far. */
  get removals(): number {
    return this.#removals;
  }

  /** Bytes of all files; a file counts whole until its last piece is gone. */
  get bytes(): number {
    return [...this.#bytes.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Bytes of the files of one volume. */
  bytesOn(volume: string): number {
    return this.#bytes.get(volume) ?? 0;
  }

  add({ volume, segment, byteLength }: Place, isKept = false): void {
    const id = idOf({ volume, segment });
    let entry = this.#uses.get(id);
    if (entry === undefined) {
      entry = { name: { volume, segment }, count: 0, bytes: 0, isKept };
      this.#uses.set(id, entry);
    }
    entry.count += 1;
    entry.bytes += byteLength;
    this.#bytes.set(volume, this.bytesOn(volume) + byteLength);
  }

  remove(place: Place): void {
    const id = idOf(place);
    const entry = this.#uses.get(id);
    if (entry === undefined) return;
    entry.count -= 1;
    if (entry.count > 0) return;
    this.#uses.delete(id);
    this.#removals += 1;
    this.#bytes.set(place.volume, this.bytesOn(place.volume) - entry.bytes);
    if (!entry.isKept) this.#dropped.push(entry.name);
  }

  /** Whether any piece lies in a file. */
  isUsed(name: SegmentName): boolean {
    return this.#uses.has(idOf(name));
  }

  /** The files of one session on one volume that are in use. */
  ofSession({ volume, session }: { readonly volume: string; readonly session: string }): string[] {
    const names: string[] = [];
    for (const entry of this.#uses.values()) {
      if (entry.name.volume !== volume || !entry.name.segment.startsWith(`${session}/`)) continue;
      entry.isKept = false; // its writer is gone
      names.push(entry.name.segment);
    }
    return names;
  }

  /** The files that fell out of use since the last call. */
  takeDropped(): readonly SegmentName[] {
    const dropped = this.#dropped;
    this.#dropped = [];
    return dropped;
  }
}
