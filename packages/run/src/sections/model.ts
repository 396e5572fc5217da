import { z } from 'zod';
import { count } from './numbers.ts';

/** The model that is trained. */
export const modelSettings = z
  .strictObject({
    path: z
      .string()
      .min(1)
      .optional()
      .describe('a Hugging Face folder or a name on its hub; a small model is made when left out, by `model.embedded`'),
    embedded: z
      .strictObject({
        hiddenSize: count.default(128).describe('of the model that is made'),
        numLayers: count.default(3).describe('its decoder layers'),
        numAttentionHeads: count.default(4).describe('its heads'),
        numKeyValueHeads: count.default(2).describe('its heads for keys and values'),
        headDim: count.default(32).describe('of one head'),
        intermediateSize: count.default(256).describe('of its MLP'),
        maxPositions: count.default(128).describe('tokens that it can read, of prompt and answers together'),
      })
      .prefault({}),
  })
  .prefault({});
