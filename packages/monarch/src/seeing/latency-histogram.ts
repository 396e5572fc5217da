/** Buckets of one power of two: a quantile is off by an eighth at most. */
const PARTS = 4;
/** Largest duration that is told apart, 35 minutes in microseconds. */
const MAX_MICROS = 2 ** 31 - 1;

/** How often each bucket was hit: index and count, without the empty ones. */
export type Buckets = readonly (readonly [bucket: number, count: number])[];

/** Counts durations in buckets whose width grows with them. Has memory for those that were hit: there may be very many. */
export class LatencyHistogram {
  /** A bucket, how often it was hit, the next bucket … */
  #hits: number[] = [];

  record(durationMs: number): void {
    const bucket = bucketOf(durationMs);
    const hits = this.#hits;
    for (let i = 0; i < hits.length; i += 2) {
      if (hits[i] !== bucket) continue;
      // Its count follows each bucket.
      hits[i + 1]!++;
      return;
    }
    // A list that is pushed to would get room for more, of which there is mostly none.
    this.#hits = hits.concat(bucket, 1);
  }

  get buckets(): Buckets {
    const buckets: [bucket: number, count: number][] = [];
    // As above.
    for (let i = 0; i < this.#hits.length; i += 2) buckets.push([this.#hits[i]!, this.#hits[i + 1]!]);
    return buckets.sort(([one], [other]) => one - other);
  }
}

/** The bucket of a duration. */
export function bucketOf(durationMs: number): number {
  const micros = Math.min(Math.max(durationMs * 1_000, 0), MAX_MICROS) | 0;
  if (micros < PARTS) return micros;
  const power = 31 - Math.clz32(micros);
  return (power - 1) * PARTS + ((micros >>> (power - 2)) & (PARTS - 1));
}

/** Where a bucket ends, in milliseconds; the next one begins there. */
export function bucketEndMs(bucket: number): number {
  const next = bucket + 1;
  if (next < PARTS) return next / 1_000;
  return ((PARTS + (next % PARTS)) * 2 ** (Math.floor(next / PARTS) - 1)) / 1_000;
}

/** The duration that a share `q` of all does not exceed; `undefined` when there is none. */
export function quantileMs(buckets: Buckets, q: number): number | undefined {
  const total = countUpTo(buckets, Number.POSITIVE_INFINITY);
  const rank = Math.max(1, Math.ceil(q * total));
  let seen = 0;
  for (const [bucket, count] of buckets) {
    seen += count;
    if (seen >= rank) return (bucketEndMs(bucket - 1) + bucketEndMs(bucket)) / 2;
  }
  return undefined;
}

/** How many durations lie in buckets that end at `limitMs` or before. */
export function countUpTo(buckets: Buckets, limitMs: number): number {
  return buckets.reduce((sum, [bucket, count]) => (bucketEndMs(bucket) <= limitMs ? sum + count : sum), 0);
}
