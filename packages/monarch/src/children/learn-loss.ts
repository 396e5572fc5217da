import { extentOf } from '../mesh/extent.ts';
import type { LocalProcess } from '../process/local-process.ts';
import type { Loss, Peer } from '../process/peer.ts';
import { within } from '../time/deadline.ts';

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

/** What is asked of the process that started another. */
type Question = 'lossOf' | 'successorOf';

/** What this process knows of one that it started, for itself or on behalf of another, which is asked then. */
export async function whatBecameOf(process: LocalProcess, question: Question, id: string): Promise<unknown> {
  const { children, machines } = process.program;
  const owner = machines.launches.ownerOf(id);
  return owner === undefined ? await children[question](id) : await ask(process, owner, question, id);
}

/** What the parent of `peer` answers; `undefined` when there is none, it does not know or not in time. */
async function asked<T>(
  process: LocalProcess,
  { id }: Peer,
  question: Question,
  limitMs: number,
): Promise<T | undefined> {
  const parent = id.slice(0, Math.max(0, id.lastIndexOf('.')));
  if (parent === '') return undefined;
  // The parent answers with what its Children say.
  const answer = ask(process, parent, question, id).catch(() => undefined) as Promise<T | undefined>;
  return (await within(process.clock, limitMs, answer)) ? await answer : undefined;
}

async function ask(process: LocalProcess, node: string, question: Question, id: string): Promise<unknown> {
  const about = { mesh: `process ${id}`, point: extentOf({}).point(0) };
  return await process.ask(node, about, question, process.encode([id]));
}
