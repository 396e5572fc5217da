/** How far a download is. */
export interface DownloadProgress {
  /** Of the repository. */
  readonly name: string;
  /** Of the files that were not in the cache, those included that an earlier attempt left. */
  readonly bytes: number;
  readonly totalBytes: number;
  /** Over the last seconds; 0 before the first bytes. */
  readonly bytesPerSecond: number;
  /** At that rate; `undefined` while there is none. */
  readonly secondsLeft: number | undefined;
}

export type OnDownloadProgress = (progress: DownloadProgress) => void;

/** Rates are taken over so long: steady enough to read, quick enough to show a stall. */
const windowMs = 3000;

const reportEveryMs = 100;

/** Adds up what arrives of several files, and reports it. */
export class DownloadMeter {
  readonly #name: string;
  readonly #totalBytes: number;
  readonly #report: OnDownloadProgress;
  readonly #now: () => number;
  readonly #positions = new Map<string, number>();
  #received = 0;
  #samples: { readonly atMs: number; readonly received: number }[] = [];
  #reportedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    { name, totalBytes }: Pick<DownloadProgress, 'name' | 'totalBytes'>,
    report: OnDownloadProgress,
    now: () => number = performance.now.bind(performance),
  ) {
    this.#name = name;
    this.#totalBytes = totalBytes;
    this.#report = report;
    this.#now = now;
  }

  /** A file is there up to `position`: it was found so, or begins anew. */
  moveTo(file: string, position: number): void {
    this.#positions.set(file, position);
  }

  /** `count` more bytes of a file came over the network. */
  receive(file: string, count: number): void {
    this.#positions.set(file, (this.#positions.get(file) ?? 0) + count);
    this.#received += count;
    const nowMs = this.#now();
    if (nowMs - this.#reportedAtMs >= reportEveryMs) this.report();
  }

  report(): void {
    const nowMs = this.#now();
    this.#reportedAtMs = nowMs;
    this.#samples.push({ atMs: nowMs, received: this.#received });
    // One sample older than the window stays: the rate is taken from there.
    while (this.#samples.length > 2 && nowMs - this.#samples[1]!.atMs > windowMs) this.#samples.shift();
    const first = this.#samples[0]!;
    const seconds = (nowMs - first.atMs) / 1000;
    const bytesPerSecond = seconds > 0 ? (this.#received - first.received) / seconds : 0;
    const bytes = this.#positions.values().reduce((sum, position) => sum + position, 0);
    const left = this.#totalBytes - bytes;
    this.#report({
      name: this.#name,
      bytes,
      totalBytes: this.#totalBytes,
      bytesPerSecond,
      secondsLeft: left === 0 ? 0 : bytesPerSecond > 0 ? left / bytesPerSecond : undefined,
    });
  }
}
