import type { Clock } from '../time/clock.ts';
import { program } from './current-program.ts';

/** Time and chance. */
export interface Surroundings {
  readonly clock: Clock;
  /** At least 0 and below 1. */
  random(): number;
}

/**
 * Time and chance as the program sees them to which the running code belongs: of the system, or of the simulation that
 * it runs in.
 */
export function surroundings(): Surroundings {
  const { clock, random } = program().platform;
  return { clock, random };
}
