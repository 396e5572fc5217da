import { hashOf, mixed } from '../collections/hash.ts';

/** Numbers that follow from a seed alone. */
export interface Random {
  /** At least 0 and below 1. */
  next(): number;
  /** At least `from` and below `to`. */
  between(from: number, to: number): number;
  /** A whole number, at least 0 and below `limit`. */
  below(limit: number): number;
  /** `true` with this probability. */
  chance(probability: number): boolean;
  /** One of the items. @throws {RangeError} when there is none */
  pick<T>(items: readonly T[]): T;
  /** Another sequence, which follows from this one's seed and the name; draws from one do not move the other. */
  fork(name: string): Random;
}

function bitsOf(text: string): number {
  return mixed(hashOf(text));
}

/** The numbers of a seed (sfc32). */
export function seededRandom(seed: number | string): Random {
  let [a, b, c, counter] = [bitsOf(`a ${seed}`), bitsOf(`b ${seed}`), bitsOf(`c ${seed}`), 1];
  const next = () => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    return (t >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 12; i++) next();
  const between = (from: number, to: number) => from + (to - from) * next();
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    next,
    between,
    below,
    chance: (probability) => next() < probability,
    pick: (items) => {
      if (items.length === 0) throw new RangeError('There is nothing to pick from.');
      // `below` gives an index of a list that is not empty.
      return items[below(items.length)]!;
    },
    fork: (name) => seededRandom(`${seed}/${name}`),
  };
}
