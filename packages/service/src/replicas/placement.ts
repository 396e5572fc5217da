import type { GpuLease, GpuPool } from './gpus.ts';

/** A machine, by its rank among the hosts, and the GPUs there that a replica has. */
export interface Site {
  readonly host: number;
  readonly gpus: GpuLease | undefined;
}

/** What replicas are placed on. */
export interface PlacementOptions {
  readonly hosts: number;
  /** GPUs of one replica. */
  readonly gpusEach: number;
  /** GPUs of each host. */
  readonly pools: readonly GpuPool[];
}

/** Spreads replicas over machines, each where there are fewest, away from those that are lost. */
export class Placement {
  readonly #options: PlacementOptions;
  readonly #replicas: number[];
  /** Machines that could not be reached, since when in starts; those without are fine. */
  readonly #lost = new Map<number, number>();
  #losses = 0;

  constructor(options: PlacementOptions) {
    this.#options = options;
    this.#replicas = new Array(options.hosts).fill(0);
  }

  /**
   * The place of a replica: where it was, unless that machine is lost, else the one with the fewest replicas.
   *
   * @throws {GpusUnavailableError} when the machine has too few GPUs.
   */
  take(previous?: Site): Site {
    if (previous && !this.#lost.has(previous.host)) return previous;
    if (previous) this.release(previous);
    const host = this.#best();
    const { pools, gpusEach } = this.#options;
    const gpus = gpusEach === 0 ? undefined : pools[host]?.take(gpusEach);
    this.#replicas[host]!++;
    return { host, gpus };
  }

  /** Nobody is there any more. */
  release({ host, gpus }: Site): void {
    this.#replicas[host]!--;
    gpus?.release();
  }

  /** Its machine could not be reached. */
  lost({ host }: Site): void {
    this.#lost.set(host, ++this.#losses);
  }

  /** Its machine can be reached. */
  found({ host }: Site): void {
    this.#lost.delete(host);
  }

  #best(): number {
    const { pools, gpusEach } = this.#options;
    const rank = (host: number) => [
      this.#lost.get(host) ?? 0,
      (pools[host]?.free.length ?? 0) < gpusEach ? 1 : 0,
      this.#replicas[host]!,
    ];
    let best = 0;
    for (let host = 1; host < this.#options.hosts; host++) if (isBefore(rank(host), rank(best))) best = host;
    return best;
  }
}

/** Compares the first numbers that differ. */
function isBefore(one: readonly number[], other: readonly number[]): boolean {
  const at = one.findIndex((value, i) => value !== other[i]);
  return at >= 0 && one[at]! < other[at]!;
}
