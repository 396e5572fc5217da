/** Where a generator stands, as plain data: restoring it continues the same numbers. */
export interface RandomState {
  /** What the seed and the names of all splits hashed to: splits derive from it, so they do not depend on the position. */
  readonly key: readonly [number, number, number, number];
  /** The four words of xoshiro128**. */
  readonly words: readonly [number, number, number, number];
}

type Words = readonly [number, number, number, number];

/** 128 bits of a string's UTF-16 code units, each bit of which depends on all of them (MurmurHash3's mixing). */
function hash(text: string, start: Words): Words {
  let [a, b, c, d] = start;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    a = b ^ Math.imul(a ^ unit, 0x2545f491);
    b = c ^ Math.imul(b ^ unit, 0x9e3779b1);
    c = d ^ Math.imul(c ^ unit, 0x85ebca6b);
    d = a ^ Math.imul(d ^ unit, 0xc2b2ae35);
  }
  a ^= text.length;
  const mixed: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    // Each output word is the finalised sum of all four, from a different start.
    a = finalise((a + Math.imul(b, 3) + Math.imul(c, 5) + Math.imul(d, 7) + 0x9e3779b9) | 0);
    [a, b, c, d] = [b, c, d, a];
    mixed.push(d);
  }
  return [mixed[0]!, mixed[1]!, mixed[2]!, mixed[3]!];
}

/** MurmurHash3's 32-bit finaliser: a bijection in which every input bit changes every output bit half of the time. */
function finalise(word: number): number {
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}

const origin: Words = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344]; // first digits of pi: nothing up the sleeve
const two32 = 2 ** 32;
const two53 = 2 ** 53;

/**
 * A seeded generator of random numbers: equal seeds give equal numbers on every machine.
 * Not for secrets. Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators" (xoshiro128**).
 */
export class Random {
  #key: Words = origin;
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;

  constructor(seed: number | string) {
    this.#restore(seeded(hash(`${typeof seed}:${seed}`, origin)));
  }

  /** A generator that continues where `state` was taken. */
  static fromState(state: RandomState): Random {
    const random = new Random(0);
    random.#restore(state);
    return random;
  }

  #restore({ key, words }: RandomState): void {
    this.#key = key;
    [this.#a, this.#b, this.#c, this.#d] = words;
  }

  /** Where this generator stands; plain data. */
  get state(): RandomState {
    return { key: this.#key, words: [this.#a >>> 0, this.#b >>> 0, this.#c >>> 0, this.#d >>> 0] };
  }

  /** A whole number in [0, 2^32). */
  #next(): number {
    const product = Math.imul(this.#b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** A whole number in [0, 2^53). */
  #next53(): number {
    return (this.#next() >>> 5) * 0x4000000 + (this.#next() >>> 6);
  }

  /** A number in [0, 1) with 53 random bits. */
  uniform(): number {
    return this.#next53() / two53;
  }

  /** A number in (0, 1): the middle of one of 2^52 equal cells, so that a logarithm of it is finite. */
  #open(): number {
    return (Math.floor(this.#next53() / 2) + 0.5) / (two53 / 2);
  }

  /** A number from the normal distribution with mean 0 and deviation 1 (Box–Muller). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(this.#open()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A number from the standard Gumbel distribution: the index of the largest logit + gumbel() is a softmax sample. */
  gumbel(): number {
    return -Math.log(-Math.log(this.#open()));
  }

  /** A whole number in [0, bound), each equally likely. @throws RangeError when `bound` is not a whole number in [1, 2^53]. */
  integer(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > two53) {
      throw new RangeError(`integer(${bound}) has nothing to draw from: give a whole number from 1 to 2^53.`);
    }
    const isSmall = bound <= two32;
    const range = isSmall ? two32 : two53;
    // Draws from the incomplete last block are rejected: every remainder is equally likely.
    const end = range - (range % bound);
    for (;;) {
      const draw = isSmall ? this.#next() : this.#next53();
      if (draw < end) return draw % bound;
    }
  }

  /** A new array with the same elements in random order, each order equally likely. */
  shuffle<T>(elements: readonly T[]): T[] {
    const order = [...elements];
    for (let last = order.length - 1; last > 0; last -= 1) {
      const pick = this.integer(last + 1);
      const kept = order[last]!;
      order[last] = order[pick]!;
      order[pick] = kept;
    }
    return order;
  }

  /** An independent generator that depends on this one's seed and the name only, not on what was drawn before. */
  split(name: string): Random {
    return Random.fromState(seeded(hash(name, this.#key)));
  }
}

function seeded(key: Words): RandomState {
  // xoshiro must not start from four zeros; the key itself stays apart from the words so that a split is not a copy.
  const words = hash('words', key);
  return { key, words: words.every((word) => word === 0) ? origin : words };
}
