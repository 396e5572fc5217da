import type { Clock } from '@forge/monarch';
import { type AutoscalePolicy, isRipe, nextTrend, type Trend } from './autoscale.ts';

/** What an autoscaler looks at and acts on. */
export interface AutoscalerOptions {
  readonly clock: Clock;
  readonly policy: AutoscalePolicy;
  load(): { readonly ongoing: number; readonly replicas: number };
  scale(numReplicas: number): void;
}

/** Looks at the load again and again until the returned function is called, and scales to what it asks for. */
export function startAutoscaler({ clock, policy, load, scale }: AutoscalerOptions): () => void {
  const { intervalMs = 500 } = policy;
  let trend: Trend | undefined;
  let cancel = () => {};
  const look = () => {
    cancel = clock.after(intervalMs, look);
    const nowMs = clock.now();
    trend = nextTrend(trend, { ...load(), nowMs }, policy);
    if (trend === undefined || !isRipe(trend, nowMs, policy)) return;
    const { replicas } = trend;
    trend = undefined;
    scale(replicas);
  };
  cancel = clock.after(intervalMs, look);
  return () => cancel();
}
