import { mkdirSync, readdirSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Segments of at least this size are worth keeping: to get a page costs three times as much as to write it again. */
export const minWarmBytes = 2 ** 20;
/** How long memory that nobody uses waits for a writer. */
const warmMs = 10_000;
/** A file much larger than what is put into it would hold memory that is of no use. */
const maxWaste = 1.25;

/** The folder of a volume for files that nobody refers to. No session has such a name. */
const folder = '.warm';

interface Waiting {
  readonly path: string;
  readonly sinceMs: number;
}

/**
 * The side of the volume: files that fell out of use wait here for a writer, who takes one by renaming it: of two who
 * try, one gets it.
 *
 *   session/3 ──nobody refers to it──▶ .warm/<bytes>-7 ──a writer claims it──▶ session/9
 *                                           └──10 s──▶ removed
 */
export class WarmSegments implements Disposable {
  readonly #directory: string;
  #waiting: Waiting[] = [];
  #last = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(join(directory, folder), { mode: 0o700 });
  }

  /** Keeps a file that nobody reads or writes any more; false when it is not worth it. */
  keep(segment: string): boolean {
    const from = join(this.#directory, segment);
    const { size } = statSync(from);
    if (size < minWarmBytes) return false;
    this.#last += 1;
    const path = join(this.#directory, folder, `${size}-${this.#last}`);
    renameSync(from, path);
    this.#waiting.push({ path, sinceMs: performance.now() });
    this.#timer ??= setInterval(() => this.#sweep(), warmMs / 2).unref();
    return true;
  }

  #sweep(): void {
    const untilMs = performance.now() - warmMs;
    const isOld = ({ sinceMs }: Waiting) => sinceMs <= untilMs;
    for (const { path } of this.#waiting.filter(isOld)) removeIfThere(path);
    this.#waiting = this.#waiting.filter((each) => !isOld(each));
    if (this.#waiting.length === 0) this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

interface WarmFile {
  readonly name: string;
  readonly size: number;
}

/** The files that waited in each directory when it was last listed, smallest first: writers of many segments list it once. */
const listed = new Map<string, WarmFile[]>();

/** The side of a writer: makes a file with room for so many bytes its segment; false when there is none. */
export function claimWarm(directory: string, segment: string, bytes: number): boolean {
  const claimFrom = (files: WarmFile[]): boolean => {
    for (;;) {
      const index = files.findIndex(({ size }) => size >= bytes && size <= bytes * maxWaste);
      const [file] = index === -1 ? [] : files.splice(index, 1);
      if (file === undefined) return false;
      try {
        renameSync(join(directory, folder, file.name), join(directory, segment));
        return true;
      } catch {
        // Another writer was faster, or it was removed.
      }
    }
  };
  if (claimFrom(listed.get(directory) ?? [])) return true;
  const files = waiting(directory)
    .map((name) => ({ name, size: Number.parseInt(name, 10) }))
    .sort((a, b) => a.size - b.size);
  const isClaimed = claimFrom(files);
  if (files.length > 0) listed.set(directory, files);
  else listed.delete(directory);
  return isClaimed;
}

/** Gives all memory back that waits: a writer needs it as something else. */
export function removeWarm(directory: string): void {
  for (const name of waiting(directory)) removeIfThere(join(directory, folder, name));
}

function waiting(directory: string): string[] {
  try {
    return readdirSync(join(directory, folder));
  } catch {
    return []; // the volume is ending
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was claimed.
  }
}
