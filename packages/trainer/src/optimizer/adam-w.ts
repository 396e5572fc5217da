/** Numbers of AdamW; PyTorch's defaults. */
export interface AdamWOptions {
  /** @default 1e-3 */
  readonly learningRate?: number;
  /** Decay of the two moments. @default [0.9, 0.999] */
  readonly betas?: readonly [number, number];
  /** @default 1e-8 */
  readonly epsilon?: number;
  /** Decoupled decay: a share `learningRate·weightDecay` of each weight is taken away each step. @default 0.01 */
  readonly weightDecay?: number;
}

/** Weights, by their places in the flat array, that are stepped alike. */
export interface WeightRange {
  readonly start: number;
  readonly end: number;
  /** Multiplies the learning rate of the step. @default 1 */
  readonly rateFactor?: number;
  /** @default that of the optimiser */
  readonly weightDecay?: number;
}

type Floats = Float32Array | Float64Array;

/**
 * AdamW over one flat array of weights: two moments a weight, kept in the array type of the weights, arithmetic in float64.
 *
 * Source: arXiv 1711.05101, algorithm 2; `torch.optim.AdamW`.
 */
export class AdamW<Numbers extends Floats = Float32Array> {
  /** Mean of gradients and of their squares, not corrected for their start at 0. */
  readonly moments: readonly [first: Numbers, second: Numbers];
  readonly #learningRate: number;
  readonly #betas: readonly [number, number];
  readonly #epsilon: number;
  readonly #weightDecay: number;
  #steps = 0;

  constructor(
    weights: Numbers,
    { learningRate = 1e-3, betas = [0.9, 0.999], epsilon = 1e-8, weightDecay = 0.01 }: AdamWOptions = {},
  ) {
    // The class of the weights. New arrays take no memory until they are written to.
    const zeros = (): Numbers => Reflect.construct(weights.constructor, [weights.length]);
    this.moments = [zeros(), zeros()];
    this.#learningRate = learningRate;
    this.#betas = betas;
    this.#epsilon = epsilon;
    this.#weightDecay = weightDecay;
  }

  /** Steps since the moments were 0. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * Changes `weights` in place by one step along `gradients`.
   *
   * @param ranges - the weights to step, none twice. @default all of them
   */
  step(
    weights: Numbers,
    gradients: Numbers,
    learningRate: number = this.#learningRate,
    ranges: readonly WeightRange[] = [{ start: 0, end: weights.length }],
  ): void {
    this.#steps++;
    const [beta1, beta2] = this.#betas;
    const [first, second] = this.moments;
    for (const { start, end, rateFactor = 1, weightDecay = this.#weightDecay } of ranges) {
      const rate = rateFactor * learningRate;
      update(
        { weights, gradients, first, second, start, end },
        {
          beta1,
          beta2,
          epsilon: this.#epsilon,
          keep: 1 - rate * weightDecay,
          rate: rate / (1 - beta1 ** this.#steps),
          rootScale: 1 / Math.sqrt(1 - beta2 ** this.#steps),
        },
      );
    }
  }

  /** Goes on after `steps` steps, with the moments that they left in {@link moments}. */
  resume(steps: number): void {
    this.#steps = steps;
  }

  /** Forgets every step taken: moments 0, bias correction from its start. */
  reset(): void {
    for (const moment of this.moments) moment.fill(0);
    this.#steps = 0;
  }
}

interface Factors {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly keep: number;
  readonly rate: number;
  readonly rootScale: number;
}

interface Arrays {
  readonly weights: Floats;
  readonly gradients: Floats;
  readonly first: Floats;
  readonly second: Floats;
  readonly start: number;
  readonly end: number;
}

function update({ weights, gradients, first, second, start, end }: Arrays, factors: Factors): void {
  const { beta1, beta2, epsilon, keep, rate, rootScale } = factors;
  const gain1 = 1 - beta1;
  const gain2 = 1 - beta2;
  for (let i = start; i < end; i++) {
    const gradient = gradients[i]!;
    const mean = beta1 * first[i]! + gain1 * gradient;
    const square = beta2 * second[i]! + gain2 * gradient * gradient;
    first[i] = mean;
    second[i] = square;
    weights[i] = keep * weights[i]! - (rate * mean) / (rootScale * Math.sqrt(square) + epsilon);
  }
}
