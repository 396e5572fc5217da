/** How often and how fast a lost replica is started again. */
export interface RestartPolicy {
  /** Restarts within `windowMs`; the next loss is final. @default 5 */
  readonly maxRestarts?: number;
  /** A restart longer ago than this no longer counts. @default 60_000 */
  readonly windowMs?: number;
  /** Wait before the first restart; doubles with each one that counts. Up to half of it is added by chance. @default 200 */
  readonly firstDelayMs?: number;
  /** No wait is longer, chance apart. @default 30_000 */
  readonly maxDelayMs?: number;
}

/** When something is decided, and a number in [0, 1) that spreads what was lost together. */
export interface Moment {
  readonly nowMs: number;
  readonly chance: number;
}

/** The restarts that still count. */
export function recentRestarts(
  restartedAtMs: readonly number[],
  nowMs: number,
  { windowMs = 60_000 }: RestartPolicy = {},
): readonly number[] {
  return restartedAtMs.filter((time) => nowMs - time < windowMs);
}

/** Milliseconds to wait before the next restart, given the times of the earlier ones; `undefined` when they are used up. */
export function restartDelayMs(
  restartedAtMs: readonly number[],
  { nowMs, chance }: Moment,
  policy: RestartPolicy = {},
): number | undefined {
  const { maxRestarts = 5, firstDelayMs = 200, maxDelayMs = 30_000 } = policy;
  const recent = recentRestarts(restartedAtMs, nowMs, policy).length;
  if (recent >= maxRestarts) return undefined;
  return Math.min(firstDelayMs * 2 ** recent, maxDelayMs) * (1 + chance / 2);
}
