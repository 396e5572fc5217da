/** Which source serves a number, and how many it has served before. */
export interface Served {
  readonly source: number;
  readonly index: number;
}

/** 2^32: shares are exact to one in so many. */
const TURN = 1n << 32n;

/**
 * 2^32 over the golden ratio, odd. Its multiples, modulo 2^32, fall as evenly as any can: after every count of samples each
 * source has had its share of them, to within a few.
 */
const STEP = 2654435769n;

/**
 * Deals numbers out to sources by weight. Which source serves a number is a function of that number alone, and so is how many
 * of the numbers before it that source has served, so a mixture needs no state.
 *
 * Number n is the angle n · step on a circle on which each source has an arc of its share.
 */
export class Mixture {
  /** Where the arc of each source ends. */
  readonly #ends: readonly bigint[];

  /** @throws {RangeError} when a weight is not above 0 */
  constructor(weights: readonly number[]) {
    for (const weight of weights) {
      if (!(weight > 0 && Number.isFinite(weight)))
        throw new RangeError(`a weight is ${weight}; expected one above 0.`);
    }
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const ends = weights.map((_, i) => weights.slice(0, i + 1).reduce((sum, weight) => sum + weight, 0) / total);
    this.#ends = [...ends.slice(0, -1).map((end) => BigInt(Math.round(end * 2 ** 32))), TURN];
  }

  at(number: number): Served {
    const angle = (BigInt(number) * STEP) % TURN;
    const source = this.#ends.findIndex((end) => angle < end);
    const start = source === 0 ? 0n : this.#ends[source - 1]!;
    return { source, index: Number(countBelow(number, this.#ends[source]!) - countBelow(number, start)) };
  }
}

/** How many of the angles of 0, 1, …, number − 1 are below `end`. */
function countBelow(number: number, end: bigint): bigint {
  if (end === TURN) return BigInt(number);
  // floor((a + TURN − end) / TURN) is one more than floor(a / TURN) where the angle of a is at least end.
  return BigInt(number) - (floorSum(BigInt(number), TURN, STEP, TURN - end) - floorSum(BigInt(number), TURN, STEP, 0n));
}

/** Σ floor((a·k + b) / m) over k < n, in as many steps as Euclid's algorithm takes. Source: AtCoder Library, `floor_sum`. */
function floorSum(n: bigint, m: bigint, a: bigint, b: bigint): bigint {
  let sum = 0n;
  for (;;) {
    sum += ((n * (n - 1n)) / 2n) * (a / m) + n * (b / m);
    const rest = a % m;
    const last = rest * n + (b % m);
    if (last < m) return sum;
    [n, m, a, b] = [last / m, rest, m, last % m];
  }
}
