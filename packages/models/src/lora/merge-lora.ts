// I input width, O output width of a linear layer, r rank

import { setImmediate as nextTurn } from 'node:timers/promises';
import { tensor } from '@forge/tensor';
import type { ModelConfig } from '../config.ts';
import { parameters } from '../parameters.ts';
import type { Weights } from '../weights.ts';
import { type LoraConfig, loraScale } from './lora-config.ts';
import { adapters } from './lora-parameters.ts';

/** About half a millisecond: whoever else runs in the process is not kept waiting. */
const PRODUCTS_PER_TURN = 1 << 18;

/**
 * The weights of the model that adapters make of another one: `W + scale · B·A`, summed in float64. Weights without an adapter
 * are those given, not copied.
 *
 * @param weights - those of the model and of the adapters, or some of them: each weight with its adapter, if it has one.
 */
export function mergeLora(config: ModelConfig, weights: Weights, lora: LoraConfig): Weights {
  const merging = merge(config, weights, lora);
  for (let step = merging.next(); ; step = merging.next()) if (step.done) return step.value;
}

/** {@link mergeLora} in pieces, which leave the event loop free in between. */
export async function mergeLoraInBackground(config: ModelConfig, weights: Weights, lora: LoraConfig): Promise<Weights> {
  const merging = merge(config, weights, lora);
  let numProducts = 0;
  for (let step = merging.next(); ; step = merging.next()) {
    if (step.done) return step.value;
    numProducts += step.value;
    if (numProducts < PRODUCTS_PER_TURN) continue;
    numProducts = 0;
    await nextTurn();
  }
}

/** Yields after each row of a weight, with the number of its products. */
function* merge(config: ModelConfig, weights: Weights, lora: LoraConfig): Generator<number, Weights> {
  const scale = loraScale(lora);
  const merged = new Map<string, Weights[string]>();
  for (const { weight, a, b } of adapters(config, lora)) {
    if (weights[weight.name] === undefined) continue;
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
      yield numIn * lora.rank;
    }
    merged.set(weight.name, result);
  }
  const given = parameters(config).filter(({ name }) => weights[name] !== undefined);
  return Object.fromEntries(given.map(({ name }) => [name, merged.get(name) ?? weights[name]!]));
}
