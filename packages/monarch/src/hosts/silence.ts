import type { Clock } from '../time/clock.ts';

/** Checks within the limit: more would find a silence sooner by less. */
const CHECKS = 5;

/** Listens for the life of somebody else. */
export interface Silence {
  /** There was a sign. */
  heard(): void;
  stop(): void;
}

/**
 * Tells once when there was no sign for `limitMs`. Only time in which this process could have heard one counts: after a
 * stall of its own, signs are waiting to be read.
 */
export function listenForSilence(
  clock: Clock,
  limitMs: number,
  { onSilent, onCheck = () => {} }: { readonly onSilent: () => void; readonly onCheck?: () => void },
): Silence {
  const stepMs = limitMs / CHECKS;
  let steps = 0;
  let cancel = () => {};
  const next = () => {
    cancel = clock.after(stepMs, () => {
      if (++steps >= CHECKS) return onSilent();
      next();
      onCheck();
    });
  };
  next();
  return {
    heard: () => {
      steps = 0;
    },
    stop: () => cancel(),
  };
}
