/** Weight of the newest call in the mean. */
const WEIGHT = 0.2;
/** What is known of a replica that got no such call for so long says nothing about it any more. */
const MEMORY_MS = 10_000;

interface Estimate {
  readonly meanMs: number;
  readonly atMs: number;
}

/** How long calls take, by replica and endpoint, as a moving mean over the last seconds. */
export class Pace {
  /** By endpoint, then index of the replica. */
  readonly #estimates = new Map<string, Map<number, Estimate>>();

  /** A call of `endpoint` that ended at `nowMs` on the replica with this index. */
  record(endpoint: string, index: number, latencyMs: number, nowMs: number): void {
    const replicas = this.#estimates.get(endpoint) ?? new Map<number, Estimate>();
    this.#estimates.set(endpoint, replicas);
    const known = replicas.get(index);
    const isFresh = known !== undefined && nowMs - known.atMs < MEMORY_MS;
    const meanMs = isFresh ? known.meanMs + WEIGHT * (latencyMs - known.meanMs) : latencyMs;
    replicas.set(index, { meanMs, atMs: nowMs });
  }

  /**
   * What to expect of the next call on a replica, as a power of two; of one that is not known, the best of what is known
   * of the others, so that it is tried; 1 when nothing is.
   */
  expectedMs(endpoint: string, index: number, nowMs: number): number {
    const replicas = this.#estimates.get(endpoint);
    const own = replicas?.get(index);
    if (own && nowMs - own.atMs < MEMORY_MS) return rounded(own.meanMs);
    let best = Number.POSITIVE_INFINITY;
    for (const { meanMs, atMs } of replicas?.values() ?? [])
      if (nowMs - atMs < MEMORY_MS) best = Math.min(best, meanMs);
    return best === Number.POSITIVE_INFINITY ? 1 : rounded(best);
  }
}

/** The nearest power of two; a microsecond at least. */
function rounded(ms: number): number {
  return 2 ** Math.round(Math.log2(Math.max(ms, 0.001)));
}
