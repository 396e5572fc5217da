import { extentOf } from '../mesh/extent.ts';
import { within } from './deadline.ts';
import type { LocalProcess } from './local-process.ts';
import type { Loss, Peer } from './peer.ts';

/** Time for the parent of a process to say what became of it: its exit may not be known at once. */
const LEARN_MS = 3_000;

/**
 * The link to a process ended that another one started: asks that one what became of it, so that pending calls say how it
 * ended, and later ones find the process that takes its place. `unreachable` is told when nobody knows.
 */
export async function learnLoss(process: LocalProcess, peer: Peer, unreachable: Loss): Promise<void> {
  const loss = (await asked<Loss>(process, peer, 'lossOf', LEARN_MS)) ?? unreachable;
  process.lost(peer, loss);
  if (loss.restarting !== true) return;
  const next = (await asked<string | Loss>(process, peer, 'successorOf', Number.POSITIVE_INFINITY)) ?? unreachable;
  peer.settle(typeof next === 'string' ? process.exchange.target(next, 0).peer : next);
}

/** What the parent of `peer` answers; `undefined` when there is none, it does not know or not in time. */
async function asked<T>(
  process: LocalProcess,
  { id }: Peer,
  method: 'lossOf' | 'successorOf',
  limitMs: number,
): Promise<T | undefined> {
  const parent = id.slice(0, Math.max(0, id.lastIndexOf('.')));
  if (parent === '') return undefined;
  const about = { mesh: `process ${id}`, point: extentOf({}).point(0) };
  // The parent answers with what its Children say.
  const answer = process.ask(parent, about, method, process.encode([id])).result.catch(() => undefined) as Promise<
    T | undefined
  >;
  return (await within(process.clock, limitMs, answer)) ? await answer : undefined;
}
