import { monitorEventLoopDelay } from 'node:perf_hooks';
import { beforeDrain, recordMetric } from './collector.ts';

/** Settings of {@link watchEventLoop}. */
export interface EventLoopOptions {
  /** Time between two looks, in ms: what is shorter is not seen. @default 20 */
  readonly resolutionMs?: number;
}

/**
 * Records how late the event loop of this process is, each time its metrics are handed out: `<prefix>/event_loop_delay/max_ms`
 * and `…/mean_ms` since the time before. What blocks it, blocks all messages of the process.
 */
export function watchEventLoop(prefix: string, { resolutionMs = 20 }: EventLoopOptions = {}): Disposable {
  const delays = monitorEventLoopDelay({ resolution: resolutionMs });
  delays.enable();
  // Node measures from one look to the next, which are this far apart when nothing is late.
  const late = (ns: number) => Math.max(0, ns / 1e6 - resolutionMs);
  const drain = beforeDrain(() => {
    if (delays.count === 0) return;
    recordMetric(`${prefix}/event_loop_delay/max_ms`, late(delays.max), 'max');
    recordMetric(`${prefix}/event_loop_delay/mean_ms`, late(delays.mean), 'mean');
    delays.reset();
  });
  return {
    [Symbol.dispose]: () => {
      drain[Symbol.dispose]();
      delays.disable();
    },
  };
}
