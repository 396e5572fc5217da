import type { Metrics } from './collector.ts';
import { type MetricSource, settled } from './observed-source.ts';

/**
 * A source that nobody waits for: it hands out what has arrived, and asks for what comes the next time. For processes that may be
 * busy for long; what cannot be had of them is left out.
 */
export function lateSource(source: MetricSource): MetricSource {
  let arrived: Metrics[] = [];
  let isAsked = false;
  const ask = async (): Promise<void> => {
    try {
      for (const outcome of Array.from(await source(), settled)) if (outcome.ok) arrived.push(outcome.value);
    } catch {
      // Nothing has arrived.
    } finally {
      isAsked = false;
    }
  };
  return async () => {
    const given = arrived;
    arrived = [];
    if (!isAsked) {
      isAsked = true;
      void ask();
    }
    return given;
  };
}
