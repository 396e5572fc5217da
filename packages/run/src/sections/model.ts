import { z } from 'zod';
import { count } from './numbers.ts';

/** The model that is trained. */
export const modelSettings = z
  .strictObject({
    /** A Hugging Face folder, or the name of a model on its hub. When left out, a small model is made from `embedded`. */
    path: z.string().min(1).optional(),
    embedded: z
      .strictObject({
        hiddenSize: count.default(128),
        numLayers: count.default(3),
        numAttentionHeads: count.default(4),
        numKeyValueHeads: count.default(2),
        headDim: count.default(32),
        intermediateSize: count.default(256),
      })
      .prefault({}),
  })
  .prefault({});
