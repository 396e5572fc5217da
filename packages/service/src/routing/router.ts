import { ServiceOptionsError } from '../errors.ts';
import { type RoutingKey, rendezvous } from './rendezvous.ts';

/** A replica as a router sees it. */
export interface Candidate {
  /** Its place in the service: unique, and ascending in every list. */
  readonly index: number;
  /** Calls that it is serving. */
  readonly inFlight: number;
  /** It could begin one more call now. */
  readonly hasFreeSlot: boolean;
  /** Sessions that stick to it. */
  readonly assignedSessions: number;
}

/** The call that a router is asked about. */
export interface RoutedCall {
  readonly endpoint: string;
  readonly args: readonly unknown[];
  /** Of `.with({ key })`. */
  readonly key: RoutingKey | undefined;
  /** The replica that got the last call; -1 before the first. */
  readonly lastIndex: number;
  /** The next chance, at least 0 and below 1. */
  random(): number;
  /**
   * How long such a call takes on this replica, by the calls of the last seconds, as a power of two: differences that
   * may be noise do not count. 1 while nothing is known.
   */
  expectedMs(replica: Candidate): number;
}

/**
 * Says where a call goes, given the replicas that take requests, of which there is at least one: a replica, where the
 * call waits for a free slot if it must, or `undefined` for whichever has one first. It keeps nothing between calls.
 */
export type Router = <R extends Candidate>(replicas: readonly R[], call: RoutedCall) => R | undefined;

/** The first of the least finite cost, beginning behind the replica that got the last call: equals take turns. */
function leastBehind<R extends Candidate>(
  lastIndex: number,
  replicas: readonly R[],
  cost: (replica: R) => number,
): R | undefined {
  const start = Math.max(
    0,
    replicas.findIndex(({ index }) => index > lastIndex),
  );
  let best: R | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < replicas.length; i++) {
    const replica = replicas[(start + i) % replicas.length]!;
    const its = cost(replica);
    if (its < least) [best, least] = [replica, its];
  }
  return best;
}

/** The cost of a replica that is none of those that may be chosen. */
const NEVER = Number.POSITIVE_INFINITY;

/** Each free replica in turn. */
export const roundRobin: Router = (replicas, { lastIndex }) =>
  leastBehind(lastIndex, replicas, ({ hasFreeSlot }) => (hasFreeSlot ? 0 : NEVER));

/** When a call that begins now may have ended: what is there and the call itself, each as long as such calls take. */
const loadOf = (replica: Candidate, { expectedMs }: RoutedCall) => (replica.inFlight + 1) * expectedMs(replica);

/** The free replica where the call should end first; equals take turns. */
export const leastLoaded: Router = (replicas, call) =>
  leastBehind(call.lastIndex, replicas, (replica) => (replica.hasFreeSlot ? loadOf(replica, call) : NEVER));

/**
 * Of two free replicas drawn by chance, that where the call should end first.
 *
 * Source: Mitzenmacher, "The power of two choices in randomized load balancing" (2001).
 */
export const powerOfTwo: Router = (replicas, call) => {
  const free = replicas.filter(({ hasFreeSlot }) => hasFreeSlot);
  const first = Math.floor(call.random() * free.length);
  // The second is any but the first.
  const second = (first + 1 + Math.floor(call.random() * (free.length - 1))) % free.length;
  const [one, other] = [free[first], free[second]];
  return one && other && loadOf(other, call) < loadOf(one, call) ? other : one;
};

/** Always the same replica for a key, free or not: when a replica leaves, only its keys move. */
export const consistentHash: Router = (replicas, { endpoint, key }) => {
  if (key !== undefined) return rendezvous(replicas, key);
  throw new ServiceOptionsError('key', key, `Routing by key needs one: ${endpoint}.with({ key }).route(…).`);
};

/** The routers that have a name. */
export const ROUTERS = { roundRobin, leastLoaded, powerOfTwo, consistentHash } as const satisfies Record<
  string,
  Router
>;

/** Name of a router that comes with the package. */
export type RouterName = keyof typeof ROUTERS;

/** More calls than any replica serves at a time: no number of calls outweighs a session. */
const SESSION = 2 ** 20;

/** Fewest sessions first, then fewest calls in flight; equals take turns, so that a burst of sessions spreads. */
export function fewestSessions<R extends Candidate>(replicas: readonly R[], lastIndex: number): R | undefined {
  return leastBehind(lastIndex, replicas, ({ assignedSessions, inFlight }) => assignedSessions * SESSION + inFlight);
}
