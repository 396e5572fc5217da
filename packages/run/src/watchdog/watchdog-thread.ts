import { workerData } from 'node:worker_threads';
import { PLACE, SIGNAL_OF, type WatchdogLimits } from './watchdog.ts';

const { memory, limits } = workerData as {
  readonly memory: Int32Array<SharedArrayBuffer>;
  readonly limits: WatchdogLimits;
};
/** A limit is exceeded by a fifth at most. */
const pollMs = Math.min(100, Math.ceil(limits.timeoutMs / 5));

let beats = -1;
let beatMs = 0;
while (Atomics.load(memory, PLACE.isOver) === 0) {
  if (Atomics.load(memory, PLACE.isWatching) === 0) {
    Atomics.wait(memory, PLACE.isWatching, 0);
    beats = -1;
    continue;
  }
  const seen = Atomics.load(memory, PLACE.beats);
  const now = performance.now();
  if (seen !== beats) [beats, beatMs] = [seen, now];
  else if (now - beatMs > limits.timeoutMs) process.kill(process.pid, SIGNAL_OF.timedOut);
  if (process.memoryUsage.rss() > limits.memoryBytes) process.kill(process.pid, SIGNAL_OF.outOfMemory);
  Atomics.wait(memory, PLACE.isOver, 0, pollMs);
}
