import type { Metrics } from './collector.ts';

/** The metrics of one process, or why they could not be had. */
export type SettledMetrics =
  | { readonly ok: true; readonly value: Metrics }
  | { readonly ok: false; readonly error: unknown };

/** Hands out what some processes recorded since the last time, always in the same order. */
export type MetricSource = () => PromiseLike<Iterable<Metrics | SettledMetrics>>;

/** A source that never rejects: what is missing is warned of instead, once until it comes again. */
export class ObservedSource {
  readonly #source: MetricSource;
  readonly #warn: (line: string) => void;
  /** Places whose metrics are missing; `all` when the source itself fails. */
  readonly #missing = new Set<number | 'all'>();
  #isGone = false;

  constructor(source: MetricSource, warn: (line: string) => void) {
    this.#source = source;
    this.#warn = warn;
  }

  /** What arrives of this period. */
  async fetch(): Promise<readonly Metrics[]> {
    if (this.#isGone) return [];
    try {
      const all = [...(await this.#source())].map(settled);
      this.#missing.delete('all');
      return all.flatMap((outcome, place) => {
        if (!outcome.ok) return this.#miss(place, outcome.error);
        this.#missing.delete(place);
        return [outcome.value];
      });
    } catch (error) {
      this.#isGone = hasEnded(error);
      return this.#miss('all', error);
    }
  }

  #miss(place: number | 'all', error: unknown): [] {
    if (this.#missing.has(place)) return [];
    this.#missing.add(place);
    const what = hasEnded(error) ? 'are left out from now on' : 'are missing in this record';
    const [reason] = String(error instanceof Error ? error.message : error).split('\n');
    this.#warn(`The metrics of a process ${what}: ${reason}`);
    return [];
  }
}

/** Metrics as the outcome of asking for them. */
export function settled(metrics: Metrics | SettledMetrics): SettledMetrics {
  // A metric may be called `ok`, but none is a boolean.
  const isSettled = (given: typeof metrics): given is SettledMetrics => typeof given['ok'] === 'boolean';
  return isSettled(metrics) ? metrics : { ok: true, value: metrics };
}

/** Actors that are gone never answer again. */
function hasEnded(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_MONARCH_MESH';
}
