// I input width, O output width of a linear layer, r rank

import { tensor } from '@forge/tensor';
import type { ModelConfig } from '../config.ts';
import { parameters } from '../parameters.ts';
import type { Weights } from '../weights.ts';
import { type LoraConfig, loraScale } from './lora-config.ts';
import { adapters } from './lora-parameters.ts';

/**
 * The weights of the model that adapters make of another one: `W + scale · B·A`, summed in float64. Weights without an adapter
 * are those given, not copied.
 *
 * @param weights - those of the model and of the adapters.
 */
export function mergeLora(config: ModelConfig, weights: Weights, lora: LoraConfig): Weights {
  const scale = loraScale(lora);
  const merged = new Map(
    adapters(config, lora).map(({ weight, a, b }) => {
      const result = tensor('float32', weight.shape);
      const [W, A, B] = [weight, a, b].map(({ name }) => weights[name]!.data); // all were given
      const [numOut, numIn] = weight.shape as readonly [number, number]; // a linear layer
      const row = new Float64Array(numIn);
      for (let o = 0; o < numOut; o++) {
        row.fill(0);
        for (let r = 0; r < lora.rank; r++) {
          const factor = scale * B![o * lora.rank + r]!;
          for (let i = 0; i < numIn; i++) row[i]! += factor * A![r * numIn + i]!;
        }
        for (let i = 0; i < numIn; i++) result.data[o * numIn + i] = W![o * numIn + i]! + row[i]!;
      }
      return [weight.name, result] as const;
    }),
  );
  return Object.fromEntries(parameters(config).map(({ name }) => [name, merged.get(name) ?? weights[name]!]));
}
