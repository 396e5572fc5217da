// V vocabulary
import { expNegative } from './exp.ts';
import { WeightBuckets } from './weight-buckets.ts';

/**
 * The distribution over the next token while it is being shaped: one weight a token, 0 for a dropped one.
 * Weights are relative to the best token and never renormalised; `total` is their sum. One object serves all
 * sequences of an engine, one after the other.
 */
export class TokenWeights {
  readonly values_V: Float64Array;
  total = 0;
  /** The largest logit of the last `fill`: its token has weight 1. */
  bestLogit = 0;
  readonly #heap_V: Int32Array;
  readonly #buckets: WeightBuckets;

  constructor(vocabSize: number) {
    this.values_V = new Float64Array(vocabSize);
    this.#heap_V = new Int32Array(vocabSize);
    this.#buckets = new WeightBuckets(this.values_V);
  }

  /** Starts over from logits. Sums in float64. */
  fill(logits_V: Float32Array, temperature: number): void {
    const values_V = this.values_V;
    let best = Number.NEGATIVE_INFINITY;
    for (let id = 0; id < values_V.length; id++) if (logits_V[id]! > best) best = logits_V[id]!;
    let total = 0;
    for (let id = 0; id < values_V.length; id++) {
      const weight = expNegative((logits_V[id]! - best) / temperature);
      values_V[id] = weight;
      total += weight;
    }
    this.total = total;
    this.bestLogit = best;
  }

  /** Starts over from the logits of some tokens, at least one; the others have none. */
  fillOnly(logits_V: Float32Array, temperature: number, ids: Int32Array): void {
    const values_V = this.values_V.fill(0);
    let best = Number.NEGATIVE_INFINITY;
    for (let at = 0; at < ids.length; at++) if (logits_V[ids[at]!]! > best) best = logits_V[ids[at]!]!;
    let total = 0;
    for (let at = 0; at < ids.length; at++) {
      const weight = expNegative((logits_V[ids[at]!]! - best) / temperature);
      values_V[ids[at]!] = weight;
      total += weight;
    }
    this.total = total;
    this.bestLogit = best;
  }

  /** Drops tokens strictly below the k-th best: ties with it stay. `k` may exceed the vocabulary. */
  keepTopK(k: number): void {
    if (k >= this.values_V.length) return;
    const threshold = kthLargest(this.values_V, k, this.#heap_V);
    this.#keepFrom(threshold);
  }

  /** Keeps the best tokens, the lower id first on a tie, until their share of what is left reaches `p`; at least one. */
  keepTopP(p: number): void {
    const values_V = this.values_V;
    // All tokens below this weight together hold less than 1 - p, so none of them is needed to reach p.
    const floor = Math.max(((1 - p) * this.total) / values_V.length, Number.MIN_VALUE);
    const wanted = p * this.total;
    const { bucket, massBefore } = this.#buckets.find(values_V, floor, wanted);
    const heap = this.#heap_V;
    let size = 0;
    for (let id = 0; id < values_V.length; id++) {
      const at = values_V[id]! >= floor ? this.#buckets.of(id) : Number.POSITIVE_INFINITY;
      if (at === bucket) heap[size++] = id;
      else if (at > bucket) values_V[id] = 0;
    }
    for (let at = (size >> 1) - 1; at >= 0; at--) sink(heap, at, size, values_V);
    let mass = massBefore;
    // The best token is kept whatever p is.
    while (size > 0 && (mass < wanted || mass === 0)) {
      mass += values_V[heap[0]!]!;
      heap[0] = heap[--size]!;
      sink(heap, 0, size, values_V);
    }
    for (let at = 0; at < size; at++) values_V[heap[at]!] = 0;
    this.total = mass;
  }

  /** Drops tokens less probable than `p` times the best. */
  keepMinP(p: number): void {
    this.#keepFrom(p); // the best token has weight 1, and no filter drops it
  }

  /** The token at `uniform` (in [0, 1)) of the cumulative distribution in order of ids. */
  draw(uniform: number): number {
    const values_V = this.values_V;
    let rest = uniform * this.total;
    let last = 0;
    for (let id = 0; id < values_V.length; id++) {
      const weight = values_V[id]!;
      if (weight === 0) continue;
      rest -= weight;
      if (rest < 0) return id;
      last = id; // rounding can leave a rest after the last token
    }
    return last;
  }

  #keepFrom(threshold: number): void {
    const values_V = this.values_V;
    let total = 0;
    for (let id = 0; id < values_V.length; id++) {
      if (values_V[id]! >= threshold) total += values_V[id]!;
      else values_V[id] = 0;
    }
    this.total = total;
  }
}

/** The k-th largest weight: the root of a heap that holds the k best ids, the worst of them on top. */
function kthLargest(values_V: Float64Array, k: number, heap: Int32Array): number {
  for (let id = 0; id < k; id++) heap[id] = id;
  for (let at = (k >> 1) - 1; at >= 0; at--) rise(heap, at, k, values_V);
  for (let id = k; id < values_V.length; id++) {
    if (values_V[id]! <= values_V[heap[0]!]!) continue;
    heap[0] = id;
    rise(heap, 0, k, values_V);
  }
  return values_V[heap[0]!]!;
}

/** Restores the smallest-on-top order below `at`. */
function rise(heap: Int32Array, at: number, size: number, values_V: Float64Array): void {
  const id = heap[at]!;
  for (let child = 2 * at + 1; child < size; child = 2 * at + 1) {
    if (child + 1 < size && values_V[heap[child + 1]!]! < values_V[heap[child]!]!) child++;
    if (values_V[heap[child]!]! >= values_V[id]!) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = id;
}

/** Restores the best-on-top order (the lower id on a tie) below `at`. */
function sink(heap: Int32Array, at: number, size: number, values_V: Float64Array): void {
  const isBefore = (a: number, b: number) => values_V[a]! > values_V[b]! || (values_V[a] === values_V[b] && a < b);
  const id = heap[at]!;
  for (let child = 2 * at + 1; child < size; child = 2 * at + 1) {
    if (child + 1 < size && isBefore(heap[child + 1]!, heap[child]!)) child++;
    if (!isBefore(heap[child]!, id)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = id;
}
