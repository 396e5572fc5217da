import { statfsSync } from 'node:fs';
import type { Native } from './native.ts';
import { Segment } from './segment.ts';
import { referenceTo, type SegmentReference } from './segment-reference.ts';

/** Options of a {@link SegmentPool}. */
export interface SegmentPoolOptions {
  /** Used for writing where there; `undefined`: segments are written as files. */
  readonly native: Native | undefined;
  /** Of the tmpfs. @default /dev/shm */
  readonly directory?: string;
  /** Bytes of all segments together. @default 1 GiB, at most a quarter of the tmpfs */
  readonly maxBytes?: number;
  /** Time after which memory that nobody uses is given back. @default 10 s */
  readonly idleMs?: number;
}

/** One use of a segment, until the last who holds it releases it. */
interface Lease {
  readonly segment: Segment;
  readonly holders: Map<object, number>;
  /** Somebody may go on reading without a word: the segment is never written again. */
  isAbandoned: boolean;
}

interface Idle {
  readonly segment: Segment;
  readonly sinceMs: number;
}

/** A tmpfs keeps this part of itself for others. */
const RESERVED = 0.1;
/** A segment much larger than what is lent would keep memory from being lent. */
const MAX_WASTE = 2;

/**
 * Segments of this process, written once and read by others: a fixed amount of memory, reused while it is warm, since
 * to get a page costs three times as much as to write it.
 *
 * ```
 *   idle ──lend──▶ leased to its holders ──the last releases──▶ idle ──idleMs──▶ closed
 *                        └──a holder is lost, the last is gone──▶ closed, never written again
 * ```
 */
export class SegmentPool {
  readonly #options: Required<Pick<SegmentPoolOptions, 'directory' | 'idleMs'>> & SegmentPoolOptions;
  readonly #leases = new Map<number, Lease>();
  /** The one used last comes last: it is the warmest. */
  readonly #idle: Idle[] = [];
  #maxBytes: number | undefined;
  #bytes = 0;
  #nextLease = 1;
  #lent = 0;
  #refused = 0;
  #sweeper: NodeJS.Timeout | undefined;

  constructor({ directory = '/dev/shm', idleMs = 10_000, ...options }: SegmentPoolOptions) {
    this.#options = { ...options, directory, idleMs };
  }

  /** `bytes`: of all segments; `leases`: in use now; `lent` and `refused`: so far. */
  get stats(): {
    readonly bytes: number;
    readonly leases: number;
    readonly idle: number;
    readonly lent: number;
    readonly refused: number;
  } {
    const idle = this.#idle.length;
    return { bytes: this.#bytes, leases: this.#leases.size, idle, lent: this.#lent, refused: this.#refused };
  }

  /**
   * Takes a snapshot that other processes can read as long as `holder`, or anybody else who is added, holds it.
   * `undefined` when there is no memory for it: the bytes must go another way.
   */
  lend(bytes: Uint8Array, holder: object): SegmentReference | undefined {
    const segment = this.#written(bytes);
    if (segment === undefined) {
      this.#refused++;
      return undefined;
    }
    this.#lent++;
    const lease = this.#nextLease++;
    this.#leases.set(lease, { segment, holders: new Map([[holder, 1]]), isAbandoned: false });
    return referenceTo(segment, bytes.length, lease);
  }

  /** Somebody holds it. */
  isHeld(lease: number): boolean {
    return this.#leases.has(lease);
  }

  /** Lets one more hold a lease that somebody holds; the same holder may do so several times. */
  hold(lease: number, holder: object): void {
    const holders = this.#leases.get(lease)?.holders;
    if (holders === undefined) throw new RangeError(`Lease ${lease} has ended. Hold it before the last releases it.`);
    holders.set(holder, (holders.get(holder) ?? 0) + 1);
  }

  /** Ends one hold; of a lease that `holder` does not hold, nothing. */
  release(lease: number, holder: object): void {
    const found = this.#leases.get(lease);
    const count = found?.holders.get(holder);
    if (found === undefined || count === undefined) return;
    if (count > 1) found.holders.set(holder, count - 1);
    else found.holders.delete(holder);
    this.#endIfFree(lease, found);
  }

  /** Ends all that `holder` holds, when it can no more say what it still reads. */
  lose(holder: object): void {
    for (const [lease, found] of this.#leases) {
      if (!found.holders.delete(holder)) continue;
      found.isAbandoned = true;
      this.#endIfFree(lease, found);
    }
  }

  /** Closes all. What others have mapped stays theirs. */
  close(): void {
    clearTimeout(this.#sweeper);
    for (const { segment } of this.#idle.splice(0)) this.#close(segment);
    for (const { segment } of this.#leases.values()) this.#close(segment);
    this.#leases.clear();
    this.#maxBytes = 0;
  }

  #endIfFree(lease: number, { segment, holders, isAbandoned }: Lease): void {
    if (holders.size > 0) return;
    this.#leases.delete(lease);
    if (isAbandoned) {
      this.#close(segment);
    } else {
      this.#idle.push({ segment, sinceMs: performance.now() });
      this.#sweepLater();
    }
  }

  #written(bytes: Uint8Array): Segment | undefined {
    const segment = this.#reused(bytes.length) ?? this.#made(bytes.length);
    try {
      segment?.write(bytes);
      return segment;
    } catch {
      // The tmpfs is full. A segment that is written in part is of no use.
      if (segment !== undefined) this.#close(segment);
      return undefined;
    }
  }

  /** Of those that fit, the warmest. */
  #reused(byteLength: number): Segment | undefined {
    const fits = ({ segment: { capacity } }: Idle) => capacity >= byteLength && capacity <= byteLength * MAX_WASTE;
    const at = this.#idle.findLastIndex(fits);
    return at === -1 ? undefined : this.#idle.splice(at, 1)[0]?.segment;
  }

  #made(byteLength: number): Segment | undefined {
    const { directory, native } = this.#options;
    try {
      const { bsize, blocks, bavail } = statfsSync(directory);
      this.#maxBytes ??= this.#options.maxBytes ?? Math.min(2 ** 30, (bsize * blocks) / 4);
      const capacity = roomFor(byteLength);
      while (this.#bytes + capacity > this.#maxBytes && this.#idle.length > 0) this.#close(this.#idle.shift()!.segment);
      if (this.#bytes + capacity > this.#maxBytes) return undefined;
      if (capacity > bsize * (bavail - blocks * RESERVED)) return undefined;
      const segment = new Segment(directory, capacity, native);
      this.#bytes += segment.capacity;
      return segment;
    } catch {
      return undefined; // No tmpfs here, none that lets this process write, or no descriptor left.
    }
  }

  #close(segment: Segment): void {
    this.#bytes -= segment.capacity;
    segment.close();
  }

  /** One timer while there is anything idle; it does not keep the process running. */
  #sweepLater(): void {
    const { idleMs } = this.#options;
    this.#sweeper ??= setTimeout(() => {
      this.#sweeper = undefined;
      const untilMs = performance.now() - idleMs;
      while ((this.#idle[0]?.sinceMs ?? Number.POSITIVE_INFINITY) <= untilMs) this.#close(this.#idle.shift()!.segment);
      if (this.#idle.length > 0) this.#sweepLater();
    }, idleMs).unref();
  }
}

/** Capacities are a few, so that segments fit again: quarters of powers of two. */
function roomFor(byteLength: number): number {
  const step = 2 ** Math.max(18, Math.floor(Math.log2(Math.max(byteLength, 1))) - 2);
  return Math.ceil(byteLength / step) * step;
}
