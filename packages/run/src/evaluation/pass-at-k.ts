/**
 * The chance that one of `k` samples is right, estimated without bias from `right` among `samples`: 1 − C(n−c, k) / C(n, k),
 * as a product of shares so that nothing overflows.
 *
 * Source: Chen et al. 2021 (Codex), arXiv 2107.03374.
 *
 * @throws {RangeError} unless 1 ≤ k ≤ samples and 0 ≤ right ≤ samples.
 */
export function passAtK(samples: number, right: number, k: number): number {
  if (!(k >= 1 && k <= samples && right >= 0 && right <= samples)) {
    throw new RangeError(
      `pass@${k} of ${right} right among ${samples}; expected 1 <= k <= samples and right <= samples`,
    );
  }
  if (samples - right < k) return 1;
  let allWrong = 1;
  for (let i = samples - right + 1; i <= samples; i++) allWrong *= 1 - k / i;
  return 1 - allWrong;
}
