import type { Random } from './random.ts';

/** How the simulated network behaves between machines. Within a machine frames only take their time. */
export interface NetworkModel {
  /** Shortest time of a frame on its way. */
  readonly minDelayMs: number;
  /** Longest time; most frames take far less. */
  readonly maxDelayMs: number;
  /** Share of frames that may overtake those before them. */
  readonly reorder: number;
  /** Share of frames that arrive twice. */
  readonly duplicate: number;
  /** Share of frames upon which their connection breaks, with all that is on its way. */
  readonly cut: number;
  /** What a machine sends in a millisecond. */
  readonly bytesPerMs: number;
  /** Time after which a silent connection is given up: one to a partitioned or crashed machine. */
  readonly silenceMs: number;
  /** Time that a session outlives its connection. */
  readonly resumeMs: number;
}

/** A network as the seed has it: from nearly perfect to bad, never so bad that it does no work. */
export function networkOf(random: Random, given: Partial<NetworkModel> = {}): NetworkModel {
  const minDelayMs = random.between(0.05, 1);
  // Some seeds have a quiet network, so that other things than the network are tested as well.
  const badness = random.chance(0.25) ? 0 : random.next();
  return {
    minDelayMs,
    maxDelayMs: minDelayMs + random.between(0.5, 20),
    reorder: badness * 0.3,
    duplicate: badness * 0.1,
    cut: badness * 0.02,
    bytesPerMs: 100_000,
    silenceMs: random.between(300, 1_500),
    resumeMs: 2_000,
    ...given,
  };
}

/** The time that a frame takes. */
export function delayOf({ minDelayMs, maxDelayMs }: NetworkModel, random: Random): number {
  return minDelayMs + (maxDelayMs - minDelayMs) * random.next() ** 3;
}
