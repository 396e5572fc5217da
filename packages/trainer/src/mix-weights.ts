import type { Weights } from '@forge/models';

/** `share · now + (1 − share) · before`, weight by weight, written over `before`. */
export function mixWeights(before: Weights, now: Weights, share: number): Weights {
  for (const [name, { data }] of Object.entries(before)) {
    const newer = now[name]?.data;
    if (newer === undefined) continue; // a head that is tied is stored once or twice
    for (let i = 0; i < data.length; i++) data[i] = share * newer[i]! + (1 - share) * data[i]!;
  }
  return before;
}
