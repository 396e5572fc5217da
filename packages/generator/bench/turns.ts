import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '@forge/tensor';

/**
 * Threads of peers spin on for tens of milliseconds after a run, so that the next one finds them awake: whoever is measured
 * meanwhile has a core less. An engine that came right after onnxruntime-genai lost a fifth of its speed.
 */
const REST_MS = 50;

/** Of all processors together while the machine rests: a tick of the clock that counts it. */
const MAX_BUSY_MS = 10;

/** A machine that never rests is measured as it is. */
const MAX_WAIT_MS = 3000;

/**
 * What contenders measure, by round. Each begins on a machine at rest, and each round takes another order, so that neither
 * a neighbour nor a busy moment of the machine is always the same one's. A round before the first warms them up.
 */
export async function takeTurns<Name extends string, Measured>(
  numRounds: number,
  contenders: Readonly<Record<Name, () => Promise<Measured>>>,
): Promise<Readonly<Record<Name, readonly Measured[]>>> {
  const random = new Random('turns');
  const names = Object.keys(contenders) as Name[]; // they are its keys
  const measured = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Measured[]>; // one each
  for (let round = -1; round < numRounds; round++) {
    for (const name of random.shuffle(names)) {
      await machineAtRest();
      const value = await contenders[name]();
      if (round >= 0) measured[name].push(value);
    }
  }
  return measured;
}

/** Until nothing has run for a while, here or in other processes. */
async function machineAtRest(): Promise<void> {
  const startedAtMs = performance.now();
  let before = busyMs();
  for (;;) {
    await sleep(REST_MS);
    const after = busyMs();
    if (after - before <= MAX_BUSY_MS || performance.now() - startedAtMs > MAX_WAIT_MS) return;
    before = after;
  }
}

/** What all processors have worked so far. */
function busyMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}
