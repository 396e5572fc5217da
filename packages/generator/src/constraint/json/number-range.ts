import { choice, empty, type Grammar, literal, nothing, repeat, sequence } from '../grammar.ts';

/** The bounds of a number. */
export interface Bounds {
  readonly least?: number | undefined;
  readonly most?: number | undefined;
  /** Above `least` and below `most` only. */
  readonly isAbove?: boolean;
  readonly isBelow?: boolean;
}

const digit = (from: number, to: number): Grammar =>
  from > to ? nothing : { kind: 'byte', ranges: [[0x30 + from, 0x30 + to]] };
const digits = (least: number, most: number) => repeat(digit(0, 9), least, most);

/** The integers from `least` to `most`, both whole, as JSON writes them. */
export function integersBetween(least: number, most: number): Grammar {
  const parts: Grammar[] = [];
  if (least < 0 && least <= most) parts.push(sequence(literal('-'), naturals(Math.max(1, -most), -least)));
  if (most >= 0 && least <= most) parts.push(naturals(Math.max(0, least), most));
  return choice(...parts);
}

/** 0 ≤ from ≤ to. */
function naturals(from: number, to: number): Grammar {
  if (from > to) return nothing;
  const [shortest, longest] = [String(from).length, String(to).length];
  const ofLength = Array.from({ length: longest - shortest + 1 }, (_, at) => {
    const length = shortest + at;
    const low = length === shortest ? String(from) : `1${'0'.repeat(length - 1)}`;
    const high = length === longest ? String(to) : '9'.repeat(length);
    return digitsBetween(low, high);
  });
  return choice(...ofLength);
}

/** Digits between two texts of the same length. */
function digitsBetween(low: string, high: string): Grammar {
  if (isFull(low, high)) return digits(low.length, low.length);
  const [first, last] = [Number(low[0]), Number(high[0])];
  const left = low.length - 1;
  if (first === last) return sequence(digit(first, first), digitsBetween(low.slice(1), high.slice(1)));
  return choice(
    sequence(digit(first, first), digitsBetween(low.slice(1), '9'.repeat(left))),
    sequence(digit(first + 1, last - 1), digits(left, left)),
    sequence(digit(last, last), digitsBetween('0'.repeat(left), high.slice(1))),
  );
}

/** Whether all digits are between these. */
function isFull(low: string, high: string): boolean {
  return isZero(low) && /^9*$/.test(high);
}

function isZero(digits: string): boolean {
  return /^0*$/.test(digits);
}

/** Bounds of numbers with a point: so much, and so many digits after the point, is told apart by a double. */
const MAX_BOUND = 1e9;
const MAX_DECIMALS = 6;

/** Whether {@link numbersBetween} can obey a bound. */
export function isSimpleBound(bound: number): boolean {
  return Math.abs(bound) <= MAX_BOUND && Number(bound.toFixed(MAX_DECIMALS)) === bound;
}

/** The numbers within bounds, without exponent, with at most six digits after the point; `MAX_BOUND` where there is no bound. */
export function numbersBetween({
  least = -MAX_BOUND,
  most = MAX_BOUND,
  isAbove = false,
  isBelow = false,
}: Bounds): Grammar {
  // In millionths all of them are whole, and exclusive bounds are the next number.
  const scaled = (bound: number) => BigInt(bound.toFixed(MAX_DECIMALS).replace('.', ''));
  const from = scaled(least) + (isAbove ? 1n : 0n);
  const to = scaled(most) - (isBelow ? 1n : 0n);
  if (from > to) return nothing;
  const parts: Grammar[] = [];
  if (from < 0n) parts.push(sequence(literal('-'), decimals(to < 0n ? -to : 1n, -from)));
  if (to >= 0n) parts.push(decimals(from > 0n ? from : 0n, to));
  return choice(...parts);
}

/** The numbers of so many millionths, 0 ≤ from ≤ to. */
function decimals(from: bigint, to: bigint): Grammar {
  if (from > to) return nothing;
  const one = 10n ** BigInt(MAX_DECIMALS);
  const [low, high] = [from / one, to / one];
  const text = (millionths: bigint) => (millionths % one).toString().padStart(MAX_DECIMALS, '0');
  const none = '0'.repeat(MAX_DECIMALS);
  const nines = '9'.repeat(MAX_DECIMALS);
  if (low === high) return sequence(literal(String(low)), fraction(text(from), text(to)));
  return choice(
    sequence(literal(String(low)), fraction(text(from), nines)),
    sequence(naturals(Number(low) + 1, Number(high) - 1), fraction(none, nines)),
    sequence(literal(String(high)), fraction(none, text(to))),
  );
}

/** A point and digits between two texts of the same length, or without the zeros at their end; nothing for 0. */
function fraction(low: string, high: string): Grammar {
  const some = sequence(literal('.'), shortened(low, high));
  return isZero(low) ? choice(empty, some) : some;
}

/** At least one digit of a text between `low` and `high`; what is left out is zeros. */
function shortened(low: string, high: string): Grammar {
  if (isFull(low, high)) return digits(1, low.length);
  const [first, last] = [Number(low[0]), Number(high[0])];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  const tail = (from: string, to: string): Grammar => {
    if (from === '') return empty;
    return isZero(from) ? choice(empty, shortened(from, to)) : shortened(from, to);
  };
  if (first === last) return sequence(digit(first, first), tail(lowRest, highRest));
  const none = '0'.repeat(lowRest.length);
  return choice(
    sequence(digit(first, first), tail(lowRest, '9'.repeat(lowRest.length))),
    sequence(digit(first + 1, last - 1), digits(0, lowRest.length)),
    sequence(digit(last, last), tail(none, highRest)),
  );
}
