/** Numbers, one a token. */
export type Floats = Float32Array | Float64Array | readonly number[];

/** What every loss returns: one training graph, `L = Σ weights·logProbs`, serves them all. */
export interface LossResult<Metrics> {
  /** The value to report. */
  readonly loss: number;
  /** `dL/dlogProb` of each token of each sequence; 0 at tokens that are masked out. */
  readonly weights: readonly Float64Array[];
  readonly metrics: Metrics;
}

/**
 * Sizes of the whole batch that normalise a loss. Give them when one call sees only a part of the batch (data-parallel
 * ranks), so that the parts add up to the loss and the gradient of the whole.
 */
export interface BatchCounts {
  readonly sequences: number;
  /** Tokens that are masked in. */
  readonly tokens: number;
  /** Tokens that `bnpo` takes the mean over. @default those of the call */
  readonly localTokens?: number;
}
