/** When a replica that still runs is taken out of service, and how it comes back. */
export interface EjectionPolicy {
  /**
   * Failures in a row that take a replica out of service while another one is healthy: calls that timed out or that it
   * did not accept, and failed health checks. Any answer, an error of the endpoint included, begins the row anew.
   * @default 5
   */
  readonly maxFailures?: number;
  /** Wait before it is probed; doubles with each probe that fails. Up to half of it is added by chance. @default 1_000 */
  readonly firstProbeMs?: number;
  /** No wait is longer, chance apart. @default 60_000 */
  readonly maxProbeMs?: number;
  /** Failed probes in a row after which it counts as lost, and is started again. @default 5 */
  readonly maxProbes?: number;
}

/** Milliseconds to wait before the next probe, given how many have failed. */
export function probeDelayMs(failedProbes: number, chance: number, policy: EjectionPolicy): number {
  const { firstProbeMs = 1_000, maxProbeMs = 60_000 } = policy;
  return Math.min(firstProbeMs * 2 ** failedProbes, maxProbeMs) * (1 + chance / 2);
}
