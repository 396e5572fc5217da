/** Means over the tokens that take part in the loss. */
export interface PolicyMetrics {
  /** Share of tokens (sequences, for a sequence ratio) stopped by the lower bound: ratio too small, advantage negative. */
  readonly clipLow: number;
  /** Share stopped by the upper bound: ratio too large, advantage positive. */
  readonly clipHigh: number;
  readonly clipFraction: number;
  readonly ratioMean: number;
  readonly ratioMax: number;
  /** Mean of `old − current` log-probability: how far the policy moved from the one the ratio is taken to. */
  readonly klPolicy: number;
  /** Mean KL term to the reference model; present when its log-probabilities are given, whatever `beta` is. */
  readonly kl?: number;
  /** Mean and largest `|current − sampler|` log-probability; present when the sampler's are given. */
  readonly samplerDifferenceMean?: number;
  readonly samplerDifferenceMax?: number;
  /** Mean weight of the importance correction; present when there is one. */
  readonly importanceMean?: number;
}

/** Collects {@link PolicyMetrics} token by token. */
export class PolicyMetricsSum {
  #tokens = 0;
  #ratios = 0;
  #ratioMax = 0;
  #klPolicy = 0;
  #kl = 0;
  #differences = 0;
  #differenceMax = 0;
  #importance = 0;
  #clips = 0;
  #low = 0;
  #high = 0;

  addToken(token: {
    ratio: number;
    logRatio: number;
    kl: number;
    samplerDifference: number;
    importance: number;
  }): void {
    this.#tokens++;
    this.#ratios += token.ratio;
    this.#ratioMax = Math.max(this.#ratioMax, token.ratio);
    this.#klPolicy -= token.logRatio;
    this.#kl += token.kl;
    this.#differences += token.samplerDifference;
    this.#differenceMax = Math.max(this.#differenceMax, token.samplerDifference);
    this.#importance += token.importance;
  }

  /** One token, or one sequence when the ratio is of sequences. */
  addClip(isLow: boolean, isHigh: boolean): void {
    this.#clips++;
    this.#low += Number(isLow);
    this.#high += Number(isHigh);
  }

  mean(present: { readonly kl: boolean; readonly sampler: boolean; readonly importance: boolean }): PolicyMetrics {
    const tokens = Math.max(1, this.#tokens);
    const clips = Math.max(1, this.#clips);
    return {
      clipLow: this.#low / clips,
      clipHigh: this.#high / clips,
      clipFraction: (this.#low + this.#high) / clips,
      ratioMean: this.#ratios / tokens,
      ratioMax: this.#ratioMax,
      klPolicy: this.#klPolicy / tokens,
      ...(present.kl && { kl: this.#kl / tokens }),
      ...(present.sampler && {
        samplerDifferenceMean: this.#differences / tokens,
        samplerDifferenceMax: this.#differenceMax,
      }),
      ...(present.importance && { importanceMean: this.#importance / tokens }),
    };
  }
}
