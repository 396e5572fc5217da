import type { Session } from '@forge/onnx';
import type { KvCacheShape } from './kv-cache.ts';

/**
 * What the caches of a session's graph look like; read from its inputs, because the graph may pad heads to a width that the
 * attention operator takes.
 */
export function cacheShape({ inputs }: Session): KvCacheShape {
  const keys = inputs.filter(({ name }) => name.startsWith('past_key.'));
  const [, numKvHeads, , headDim] = keys[0]!.shape as readonly [string, number, string, number]; // of `generationGraph`
  return { numLayers: keys.length, numKvHeads, headDim };
}
