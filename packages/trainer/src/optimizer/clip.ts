type Floats = Float32Array | Float64Array;

/** Euclidean norm of all numbers together, summed in float64. */
export function gradNorm(gradients: Floats): number {
  let sum = 0;
  for (let i = 0; i < gradients.length; i++) sum += gradients[i]! * gradients[i]!;
  return Math.sqrt(sum);
}

/** What gradients of a norm are multiplied with, so that their norm is at most `maxNorm`; 1 when it is, or is not finite. */
export function clipFactor(norm: number, maxNorm: number): number {
  const factor = maxNorm / (norm + 1e-6);
  return factor < 1 && Number.isFinite(norm) ? factor : 1;
}

/** Multiplies all numbers in place. */
export function scale(numbers: Floats, factor: number): void {
  if (factor !== 1) for (let i = 0; i < numbers.length; i++) numbers[i]! *= factor;
}

/**
 * Scales `gradients` in place so that their norm is at most `maxNorm`.
 *
 * @returns the norm before scaling; when it is not finite nothing is scaled.
 * Source: `torch.nn.utils.clip_grad_norm_`.
 */
export function clipGradNorm(gradients: Floats, maxNorm: number): number {
  const norm = gradNorm(gradients);
  scale(gradients, clipFactor(norm, maxNorm));
  return norm;
}
