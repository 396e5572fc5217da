import type { Config } from '../config/config.ts';

/** What a step says about how far the policy is from the reference. */
export interface KlMeasured {
  /** Nats a token; `undefined` where nobody measured it. */
  readonly kl: number | undefined;
  readonly completions: number;
}

/** No step corrects by more than this share of an error. */
const LARGEST_ERROR = 0.2;

/**
 * The weight of the KL term for the next batch: larger where the policy went further from the reference than it should, the same
 * where there is no target.
 *
 * Source: Ziegler et al., "Fine-tuning language models from human preferences" (arXiv 1909.08593, section 2.2); verl
 * `AdaptiveKLController`.
 */
export function nextBeta(
  beta: number,
  { kl, completions }: KlMeasured,
  { target, horizon }: Config['grpo']['adaptiveKl'],
): number {
  if (target === undefined || kl === undefined) return beta;
  const error = Math.min(LARGEST_ERROR, Math.max(-LARGEST_ERROR, kl / target - 1));
  return beta * (1 + (error * completions) / horizon);
}
