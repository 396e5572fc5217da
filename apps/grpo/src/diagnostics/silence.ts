import { setTimeout } from 'node:timers/promises';
import { CallAbortedError } from '@forge/monarch';
import type { FanoutOutcome } from '@forge/service';

/** A service whose replicas can be asked for a sign of life, which they give while they work, too. */
export interface Probed {
  readonly name: string;
  /** Asks all replicas that serve; the signal ends the wait for those that have not answered. */
  readonly probe: (signal: AbortSignal) => Promise<readonly FanoutOutcome<unknown>[]>;
}

export interface SilenceOptions {
  readonly services: readonly Probed[];
  /** How long a replica may be silent. One that works answers within a decoding step. */
  readonly maxMs: number;
  /** Hears of replicas that have been silent for longer, such as `generator/0`, again and again. */
  readonly tell: (silent: readonly string[], waitedMs: number) => void;
}

/** Waits for what may rightly take long, and tells of replicas that do not work on it: those that give no sign of life. */
export async function tellSilence<T>(awaited: Promise<T>, { services, maxMs, tell }: SilenceOptions): Promise<T> {
  const over = new AbortController();
  const startedMs = performance.now();
  const watch = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const [silent] = await Promise.all([
        silentReplicas(services, maxMs, over.signal),
        setTimeout(maxMs, undefined, { signal: over.signal }).catch(() => undefined),
      ]);
      if (silent.length > 0 && !over.signal.aborted) tell(silent, performance.now() - startedMs);
    }
  };
  const watching = watch();
  try {
    return await awaited;
  } finally {
    over.abort();
    await watching;
  }
}

/** What is wrong while something is waited for, such as `The evaluation`, and what to do, in one line. */
export function explainSilence(what: string, silent: readonly string[], waitedMs: number): string {
  const [are, one] = silent.length === 1 ? ['does not answer', 'its process'] : ['do not answer', 'their processes'];
  return (
    `${what} has taken ${Math.round(waitedMs / 1000)} s, and ${silent.join(', ')} ${are}. ` +
    `If it stays so, end ${one}; what was under way is asked again elsewhere.`
  );
}

/** The replicas that do not answer in time. One that is lost meanwhile is none of them: its service tells of it. */
async function silentReplicas(
  services: readonly Probed[],
  maxMs: number,
  over: AbortSignal,
): Promise<readonly string[]> {
  const deadline = AbortSignal.any([over, AbortSignal.timeout(maxMs)]);
  const silent = services.map(async ({ name, probe }) => {
    const outcomes = await probe(deadline).catch(() => []); // a service without replicas, or that has ended
    return outcomes
      .filter((outcome) => !outcome.ok && outcome.error instanceof CallAbortedError)
      .map(({ replica }) => `${name}/${replica}`);
  });
  return (await Promise.all(silent)).flat();
}
