type Floats = Float32Array | Float64Array;

/** Euclidean norm of all numbers together, summed in float64. */
export function gradNorm(gradients: Floats): number {
  let sum = 0;
  for (let i = 0; i < gradients.length; i++) sum += gradients[i]! * gradients[i]!;
  return Math.sqrt(sum);
}

/**
 * Scales `gradients` in place so that their norm is at most `maxNorm`.
 *
 * @returns the norm before scaling; when it is not finite nothing is scaled.
 * Source: `torch.nn.utils.clip_grad_norm_`.
 */
export function clipGradNorm(gradients: Floats, maxNorm: number): number {
  const norm = gradNorm(gradients);
  const factor = maxNorm / (norm + 1e-6);
  if (factor < 1 && Number.isFinite(norm)) for (let i = 0; i < gradients.length; i++) gradients[i]! *= factor;
  return norm;
}
