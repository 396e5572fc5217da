import { createHash } from 'node:crypto';
import { trainingGraph } from '../../bench/decoder.ts';
import { encodeModel } from '../../src/index.ts';

/** A digest of the bytes of a small decoder's training graph. */
export function digestOfDecoder(): string {
  const { model } = trainingGraph({
    vocabulary: 16,
    width: 8,
    layers: 2,
    heads: 2,
    kvHeads: 1,
    feedForward: 16,
    maxTokens: 4,
  });
  return createHash('sha256').update(encodeModel(model)).digest('hex');
}

if (import.meta.main) process.stdout.write(digestOfDecoder());
