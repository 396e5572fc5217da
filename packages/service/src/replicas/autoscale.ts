/** How the number of replicas follows the load. */
export interface AutoscalePolicy {
  /** @default 1 */
  readonly minReplicas?: number;
  readonly maxReplicas: number;
  /** Requests under way or waiting that one replica is there for. @default 2 */
  readonly targetOngoing?: number;
  /** Replicas are added when they were wanted all this time. @default 3_000 */
  readonly upDelayMs?: number;
  /** Replicas are drained when they were not wanted all this time. @default 60_000 */
  readonly downDelayMs?: number;
  /** How often the load is looked at. @default 500 */
  readonly intervalMs?: number;
}

/** A look at the load. */
export interface LoadSample {
  readonly nowMs: number;
  /** Requests under way or waiting. */
  readonly ongoing: number;
  readonly replicas: number;
}

/** What was wanted since when, all in one direction. */
export interface Trend {
  readonly direction: 'up' | 'down';
  readonly sinceMs: number;
  /** The least change that was wanted all this time. */
  readonly replicas: number;
}

/** Replicas that a load asks for, within the limits. */
export function wantedReplicas(ongoing: number, policy: AutoscalePolicy): number {
  const { minReplicas = 1, maxReplicas, targetOngoing = 2 } = policy;
  return Math.min(maxReplicas, Math.max(minReplicas, Math.ceil(ongoing / targetOngoing)));
}

/**
 * The trend after a look at the load. A trend that lasted long enough is a change: to its number of replicas, after
 * which there is no trend.
 */
export function nextTrend(trend: Trend | undefined, sample: LoadSample, policy: AutoscalePolicy): Trend | undefined {
  const wanted = wantedReplicas(sample.ongoing, policy);
  if (wanted === sample.replicas) return undefined;
  const direction = wanted > sample.replicas ? 'up' : 'down';
  if (trend?.direction !== direction) return { direction, sinceMs: sample.nowMs, replicas: wanted };
  const least = direction === 'up' ? Math.min : Math.max;
  return { ...trend, replicas: least(trend.replicas, wanted) };
}

/** Whether a trend lasted long enough to follow it. */
export function isRipe({ direction, sinceMs }: Trend, nowMs: number, policy: AutoscalePolicy): boolean {
  const { upDelayMs = 3_000, downDelayMs = 60_000 } = policy;
  return nowMs - sinceMs >= (direction === 'up' ? upDelayMs : downDelayMs);
}
