/** How often and how fast a lost replica is started again. */
export interface RestartPolicy {
  /** Restarts within `windowMs`; the next loss is final. @default 5 */
  readonly maxRestarts?: number;
  /** A restart longer ago than this no longer counts. @default 60_000 */
  readonly windowMs?: number;
  /** Wait before the first restart; doubles with each one that counts. @default 200 */
  readonly firstDelayMs?: number;
  /** No wait is longer. @default 30_000 */
  readonly maxDelayMs?: number;
}

/** Milliseconds to wait before the next restart, given the times of the earlier ones; `undefined` when they are used up. */
export function restartDelay(
  restartedAtMs: readonly number[],
  nowMs: number,
  { maxRestarts = 5, windowMs = 60_000, firstDelayMs = 200, maxDelayMs = 30_000 }: RestartPolicy = {},
): number | undefined {
  const recent = restartedAtMs.filter((time) => nowMs - time < windowMs).length;
  return recent < maxRestarts ? Math.min(firstDelayMs * 2 ** recent, maxDelayMs) : undefined;
}
