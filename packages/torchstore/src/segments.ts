import type { Place } from './batch.ts';

/** A file of a volume. */
export interface SegmentName {
  readonly volume: string;
  readonly segment: string;
}

/** Counts the pieces in each segment file, and collects the files that hold none any more. */
export class Segments {
  readonly #uses = new Map<string, { readonly name: SegmentName; count: number }>();
  #dropped: SegmentName[] = [];

  add({ volume, segment }: Place): void {
    const id = `${volume}/${segment}`;
    const entry = this.#uses.get(id) ?? { name: { volume, segment }, count: 0 };
    entry.count += 1;
    this.#uses.set(id, entry);
  }

  remove({ volume, segment }: Place): void {
    const id = `${volume}/${segment}`;
    const entry = this.#uses.get(id);
    if (entry === undefined) return;
    entry.count -= 1;
    if (entry.count > 0) return;
    this.#uses.delete(id);
    this.#dropped.push(entry.name);
  }

  /** The files of one session on one volume that are in use. */
  ofSession({ volume, session }: { readonly volume: string; readonly session: string }): string[] {
    const names: string[] = [];
    for (const { name } of this.#uses.values()) {
      if (name.volume === volume && name.segment.startsWith(`${session}/`)) names.push(name.segment);
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
