import { hashOf, mixed } from '../collections/hash.ts';
import type { Member } from '../process/pending-call.ts';

/**
 * Which living actor `choose` takes:
 * - `leastPending`: the one with the fewest calls pending from this process, ties in turn;
 * - `roundRobin`: each in turn;
 * - `random`: any, with equal chances;
 * - `key`: always the same one for a key. When an actor is lost only its keys move, and no others.
 */
export type ChoosePolicy = 'leastPending' | 'roundRobin' | 'random' | { readonly key: string | number | bigint };

/** Nothing reaches this actor now. */
function isLost({ target }: Member): boolean {
  return target.current.loss !== undefined;
}

/** Chooses among the actors of one endpoint of one handle, whatever options its calls have. */
export class Chooser {
  readonly #members: readonly Member[];
  readonly #random: () => number;
  /** Where the next turn begins. */
  #turn = 0;

  /** `random` gives numbers from 0 to below 1. */
  constructor(members: readonly Member[], random: () => number) {
    this.#members = members;
    this.#random = random;
  }

  /** A rank that lives; 0 when none does, whose failure is then the answer. */
  choose(policy: ChoosePolicy): number {
    if (policy === 'random') return this.#anyOf(this.#random());
    if (typeof policy === 'object') return this.#best(scoreOf(policy.key));
    const count = this.#members.length;
    const first = this.#turn;
    const pending = ({ target }: Member) => target.current.pending;
    // Distances from where the turn begins, so that the nearest wins a tie.
    const nth = policy === 'roundRobin' ? this.#least(first, () => 0) : this.#least(first, pending);
    this.#turn = (nth + 1) % count;
    return nth;
  }

  /** The living rank of the least cost, the first from `first` on among equals. */
  #least(first: number, cost: (member: Member) => number): number {
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#members.length; i++) {
      const rank = (first + i) % this.#members.length;
      const member = this.#members[rank]!;
      if (isLost(member)) continue;
      const its = cost(member);
      if (its < least) [best, least] = [rank, its];
    }
    return best;
  }

  #best(score: (member: Member) => number): number {
    return this.#least(0, (member) => -score(member));
  }

  #anyOf(random: number): number {
    const living = this.#members.flatMap((member, rank) => (isLost(member) ? [] : [rank]));
    return living[Math.floor(random * living.length)] ?? 0;
  }
}

/** Rendezvous hashing: the actor with the highest score has the key, and its rank in the whole mesh is what is scored. */
function scoreOf(key: string | number | bigint): (member: Member) => number {
  // A number and its text are the same key.
  const hash = hashOf(String(key));
  return ({ point }) => mixed(hash ^ Math.imul(point.rank + 1, 0x9e3779b9));
}
