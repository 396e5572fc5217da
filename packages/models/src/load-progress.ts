/** How far the reading of weights is. */
export interface LoadProgress {
  /** Read so far, as stored in the files. */
  readonly bytes: number;
  readonly totalBytes: number;
  readonly bytesPerSecond: number;
}

/** Tells of a reading that takes its time. */
export interface LoadOptions {
  /** Called about once a second while weights are read, and at the end of what took longer than that. @default none */
  readonly onLoadProgress?: ((progress: LoadProgress) => void) | undefined;
}

const INTERVAL_MS = 1000;

/** Takes the bytes of each tensor that was read, and calls `onLoadProgress` now and then. */
export function progressMeter(
  totalBytes: number,
  onLoadProgress: LoadOptions['onLoadProgress'],
  clockMs: () => number = performance.now.bind(performance),
): (bytes: number) => void {
  const start = clockMs();
  let told = start;
  let bytes = 0;
  return (more) => {
    bytes += more;
    const now = clockMs();
    const isDue = now - told >= INTERVAL_MS || (bytes === totalBytes && now - start >= INTERVAL_MS);
    if (!isDue) return;
    told = now;
    onLoadProgress?.({ bytes, totalBytes, bytesPerSecond: Math.round((bytes / (now - start)) * 1e3) });
  };
}
