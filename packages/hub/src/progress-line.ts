import type { DownloadProgress, OnDownloadProgress } from './download-progress.ts';

/** Seldom enough for a log, often enough to see that it goes on. */
const lineEveryMs = 5000;

/** Progress as lines for a person, one every five seconds and one at the end. */
export function downloadLines(write: (line: string) => void): OnDownloadProgress {
  let writtenAtMs = Number.NEGATIVE_INFINITY;
  return (progress) => {
    if (performance.now() - writtenAtMs < lineEveryMs && progress.bytes < progress.totalBytes) return;
    writtenAtMs = performance.now();
    write(progressLine(progress));
  };
}

/** One line for a person: `Qwen/Qwen3-0.6B: 512 MB of 1.50 GB, 48.0 MB/s, 21 s left`. */
export function progressLine({ name, bytes, totalBytes, bytesPerSecond, secondsLeft }: DownloadProgress): string {
  const left = secondsLeft === undefined ? '' : `, ${Math.ceil(secondsLeft)} s left`;
  return `${name}: ${inUnits(bytes)} of ${inUnits(totalBytes)}, ${inUnits(bytesPerSecond)}/s${left}`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Powers of 1000, as download pages count, in three digits. */
function inUnits(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? Math.round(value) : value.toPrecision(value >= 999.5 ? 4 : 3)} ${UNITS[power]}`;
}
