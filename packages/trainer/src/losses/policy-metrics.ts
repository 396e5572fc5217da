/** Means over the tokens that take part in the loss, under the names of TRL; `approx_kl` is verl's `ppo_kl`. */
export interface PolicyMetrics {
  /** Share of tokens (sequences, for a sequence ratio) stopped by the lower bound: ratio too small, advantage negative. */
  readonly 'clip_ratio/low_mean': number;
  /** Share stopped by the upper bound: ratio too large, advantage positive. */
  readonly 'clip_ratio/high_mean': number;
  /** Share stopped by either. */
  readonly 'clip_ratio/region_mean': number;
  /** Probability under the policy in training over that under the old policy. */
  readonly 'ratio/mean': number;
  readonly 'ratio/max': number;
  /** Mean of `old − current` log-probability: how far the policy moved from the one the ratio is taken to. */
  readonly approx_kl: number;
  /** Mean KL term to the reference model; present when its log-probabilities are given, whatever `beta` is. */
  readonly kl?: number;
  /** Mean and largest `|current − sampler|` log-probability; present when the sampler's are given. */
  readonly 'sampling/sampling_logp_difference/mean'?: number;
  readonly 'sampling/sampling_logp_difference/max'?: number;
  /** Share of tokens that the correction or the off-policy mask leaves out; present when there is either. */
  readonly is_masked?: number;
  /** Weights of the importance correction; present when there is one. */
  readonly 'sampling/importance_sampling_ratio/min'?: number;
  readonly 'sampling/importance_sampling_ratio/mean'?: number;
  readonly 'sampling/importance_sampling_ratio/max'?: number;
}

/** One token that takes part in the loss, as the metrics see it. */
interface TokenNumbers {
  readonly ratio: number;
  readonly logRatio: number;
  readonly kl: number;
  readonly samplerDifference: number;
  /** What the correction and the off-policy mask leave of the token. */
  readonly trust: number;
}

/** What a batch has, and with it its metrics. */
interface Present {
  readonly kl: boolean;
  readonly sampler: boolean;
  readonly importance: boolean;
  readonly offPolicyMask: boolean;
}

/** Collects {@link PolicyMetrics} token by token. */
export class PolicyMetricsSum {
  #tokens = 0;
  #ratios = 0;
  #ratioMax = 0;
  #approxKl = 0;
  #kl = 0;
  #differences = 0;
  #differenceMax = 0;
  #importance = 0;
  #importanceMin = Number.POSITIVE_INFINITY;
  #importanceMax = 0;
  #masked = 0;
  #clips = 0;
  #low = 0;
  #high = 0;

  addToken({ ratio, logRatio, kl, samplerDifference, trust }: TokenNumbers): void {
    this.#tokens++;
    this.#ratios += ratio;
    this.#ratioMax = Math.max(this.#ratioMax, ratio);
    this.#approxKl -= logRatio;
    this.#kl += kl;
    this.#differences += samplerDifference;
    this.#differenceMax = Math.max(this.#differenceMax, samplerDifference);
    this.#importance += trust;
    this.#importanceMin = Math.min(this.#importanceMin, trust);
    this.#importanceMax = Math.max(this.#importanceMax, trust);
    this.#masked += Number(trust === 0);
  }

  /** One token, or one sequence when the ratio is of sequences. */
  addClip(isLow: boolean, isHigh: boolean): void {
    this.#clips++;
    this.#low += Number(isLow);
    this.#high += Number(isHigh);
  }

  mean(present: Present): PolicyMetrics {
    const tokens = Math.max(1, this.#tokens);
    const clips = Math.max(1, this.#clips);
    return {
      'clip_ratio/low_mean': this.#low / clips,
      'clip_ratio/high_mean': this.#high / clips,
      'clip_ratio/region_mean': (this.#low + this.#high) / clips,
      'ratio/mean': this.#ratios / tokens,
      'ratio/max': this.#ratioMax,
      approx_kl: this.#approxKl / tokens,
      ...(present.kl && { kl: this.#kl / tokens }),
      ...(present.sampler && {
        'sampling/sampling_logp_difference/mean': this.#differences / tokens,
        'sampling/sampling_logp_difference/max': this.#differenceMax,
      }),
      ...((present.importance || present.offPolicyMask) && { is_masked: this.#masked / tokens }),
      ...(present.importance && {
        'sampling/importance_sampling_ratio/min': this.#tokens === 0 ? 0 : this.#importanceMin,
        'sampling/importance_sampling_ratio/mean': this.#importance / tokens,
        'sampling/importance_sampling_ratio/max': this.#importanceMax,
      }),
    };
  }
}
