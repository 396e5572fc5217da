/** What a routing decision may depend on. */
export interface Routable {
  /** Place in the service; unique, ascending in every list. */
  readonly index: number;
  /** Requests it is serving. */
  readonly inFlight: number;
  /** Sessions that stick to it. */
  readonly assignedSessions: number;
}

/** Picks one of several replicas; the list is never empty and in order of index. */
export type Router = <R extends Routable>(candidates: readonly R[]) => R;

/** Takes turns: the next index after the one picked last, over whichever replicas are candidates. */
export function roundRobin(): Router {
  let last = -1;
  return (candidates) => {
    const pick = candidates.find(({ index }) => index > last) ?? candidates[0]!;
    last = pick.index;
    return pick;
  };
}

/** Fewest sessions first, then fewest requests in flight; equals take turns, so that a burst of sessions spreads. */
export function fewestSessions(): Router {
  const turn = roundRobin();
  return (candidates) => {
    const load = ({ assignedSessions, inFlight }: Routable) => [assignedSessions, inFlight] as const;
    const [sessions, inFlight] = candidates
      .map(load)
      .reduce((least, next) => (next[0] < least[0] || (next[0] === least[0] && next[1] < least[1]) ? next : least));
    return turn(candidates.filter((one) => one.assignedSessions === sessions && one.inFlight === inFlight));
  };
}
