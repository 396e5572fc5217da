import type { Place } from './batch.ts';

/** A file of a volume. */
export interface SegmentName {
  readonly volume: string;
  readonly segment: string;
}

/** A file that fell out of use. */
export interface DroppedSegment extends SegmentName {
  /** Nobody can still be reading it: another put may be written into it. */
  readonly isReusable: boolean;
}

interface Use {
  readonly name: SegmentName;
  count: number;
  bytes: number;
  /** Its writer overwrites it once nobody uses it. */
  isKept: boolean;
  /** A reader was lost that may still read it: it is never written again. */
  isSpoiled: boolean;
}

const idOf = ({ volume, segment }: SegmentName) => `${volume}/${segment}`;

/** Counts the pieces in each segment file, and collects the files that hold none any more. */
export class Segments {
  readonly #uses = new Map<string, Use>();
  readonly #bytes = new Map<string, number>();
  #dropped: DroppedSegment[] = [];
  /** Files that their writers keep names of and must not write again. */
  readonly #spoiled = new Set<string>();
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
      entry = { name: { volume, segment }, count: 0, bytes: 0, isKept, isSpoiled: false };
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
    if (!entry.isKept) this.#dropped.push({ ...entry.name, isReusable: !entry.isSpoiled });
  }

  /** Files in which nothing lies and nothing will: their writer gave up. */
  discard(names: readonly SegmentName[]): void {
    for (const name of names) if (!this.isUsed(name)) this.#dropped.push({ ...name, isReusable: true });
  }

  /** A reader of a file was lost without a word: once nobody uses it, the file goes and is not written again. */
  spoil(place: Place): void {
    const id = idOf(place);
    const entry = this.#uses.get(id);
    if (entry === undefined) return;
    entry.isSpoiled = true;
    if (entry.isKept) this.#spoiled.add(id);
    entry.isKept = false;
  }

  /** Those of the files that their writer, who kept them, must not write again; they are forgotten. */
  takeSpoiled(names: readonly SegmentName[]): SegmentName[] {
    return names.filter((name) => this.#spoiled.delete(idOf(name)));
  }

  /** Whether any piece lies in a file. */
  isUsed(name: SegmentName): boolean {
    return this.#uses.has(idOf(name));
  }

  /** The files of one session on one volume that are in use. */
  ofSession({ volume, session }: { readonly volume: string; readonly session: string }): string[] {
    const names: string[] = [];
    for (const id of this.#spoiled) if (id.startsWith(`${volume}/${session}/`)) this.#spoiled.delete(id);
    for (const entry of this.#uses.values()) {
      if (entry.name.volume !== volume || !entry.name.segment.startsWith(`${session}/`)) continue;
      // Its writer is gone, or has it as its own memory still: nobody else writes there.
      if (entry.isKept) entry.isSpoiled = true;
      entry.isKept = false;
      names.push(entry.name.segment);
    }
    return names;
  }

  /** The files that fell out of use since the last call. */
  takeDropped(): readonly DroppedSegment[] {
    const dropped = this.#dropped;
    this.#dropped = [];
    return dropped;
  }
}
