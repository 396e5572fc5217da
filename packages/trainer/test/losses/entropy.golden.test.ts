import { tensor } from '@forge/tensor';
import { expect, test } from 'vitest';
import { openTraining } from '../../src/open-training.ts';
import type { ModelWeights } from '../../src/training-options.ts';
import { readGolden } from '../golden-file.ts';
import { tinyModel } from '../tiny-model.ts';

const { V, logits, loss_mask, expected_loss_and_grad_norm } = readGolden<{
  readonly V: number;
  readonly logits: readonly number[];
  readonly loss_mask: readonly number[];
  readonly expected_loss_and_grad_norm: Readonly<Record<string, readonly [mean: number, gradNorm: number]>>;
}>('rl_losses_upstream.json');

const numRows = logits.length / V;
const width = V + 2;

/**
 * A model whose logits after token `i` are row `i` of the golden: layers add nothing, the embedding is the row filled up to a
 * common length, so that the last norm divides each by the same number, and the head multiplies by that.
 */
function lookup(): ModelWeights {
  const model = tinyModel(1, {
    vocab_size: V,
    hidden_size: width,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 2,
    tie_word_embeddings: false,
    rms_norm_eps: 1e-20,
  });
  const embedding = tensor('float32', [V, width]);
  const head = tensor('float32', [V, width]);
  const rms = 2;
  for (let i = 0; i < numRows; i++) {
    const row = logits.slice(i * V, (i + 1) * V);
    embedding.data.set(row, i * width);
    embedding.data[i * width + V] = Math.sqrt(width * rms ** 2 - row.reduce((sum, z) => sum + z * z, 0));
  }
  for (let v = 0; v < V; v++) head.data[v * width + v] = rms;
  const weights = Object.entries(model.weights).map(([name, weight]) => {
    const addsNothing = name.endsWith('o_proj.weight') || name.endsWith('down_proj.weight');
    return [name, addsNothing ? tensor('float32', weight.shape) : weight] as const;
  });
  return {
    ...model,
    weights: { ...Object.fromEntries(weights), 'model.embed_tokens.weight': embedding, 'lm_head.weight': head },
  };
}

test(`entropy has the masked mean and gradient norm of torchforge's own test`, async () => {
  await using training = await openTraining(lookup(), { entropyBonus: 1 });
  const active = loss_mask.flatMap((mask, i) => (mask === 0 ? [] : [i]));
  let mean = 0;
  let squares = 0;
  for (const i of active) {
    training.zeroGradients();
    const inputs = [{ promptIds: [i], tokenIds: [0] }];
    const { entropy } = await training.forwardBackward(inputs, [[0]], { entropyWeight: 1 / active.length });
    mean += entropy[0]![0]! / active.length;
    // The gradient of the head is that of the logits times the normed input, whose square is the width.
    squares += training.gradients['lm_head.weight']!.data.reduce((sum, g) => sum + g * g, 0) / width;
  }
  const [expectedMean, expectedNorm] = expected_loss_and_grad_norm['entropy']!;
  expect(Math.abs(mean - expectedMean)).toBeLessThan(1e-5);
  expect(Math.abs(Math.sqrt(squares) - expectedNorm)).toBeLessThan(1e-5);
});
