import { LORA_TARGETS, type LoraConfig } from '@forge/models';
import { z } from 'zod';
import { count, positive } from './numbers.ts';

/** The model that is trained. */
export const modelSettings = z
  .strictObject({
    path: z
      .string()
      .min(1)
      .optional()
      .describe('a Hugging Face folder or a name on its hub; a small model is made when left out, by `model.embedded`'),
    lora: z
      .strictObject({
        rank: z
          .int()
          .min(0)
          .default(0)
          .describe('of low-rank adapters, which are trained alone; 0 trains the model itself'),
        alpha: positive.optional().describe('adapters count `alpha / rank`; twice the rank when left out'),
        targetModules: z
          .array(z.enum(LORA_TARGETS))
          .min(1)
          .optional()
          .describe('layers that get one; every linear layer of a block when left out'),
      })
      .prefault({}),
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

/** The adapters that settings ask for; `undefined` when the model itself is trained. */
export function loraOf({
  lora: { rank, alpha, targetModules },
}: z.infer<typeof modelSettings>): LoraConfig | undefined {
  return rank === 0
    ? undefined
    : { rank, ...(alpha !== undefined && { alpha }), ...(targetModules && { targetModules }) };
}
