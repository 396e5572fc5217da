import { initialize, parseConfig } from '@forge/models';
import { groupAdvantages, openTraining, trainStep } from '@forge/trainer';

// A new model; a folder such as './qwen3-0.6b' goes in its place.
const sizes = { vocab_size: 32, hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1, num_attention_heads: 2 };
const config = parseConfig({ architectures: ['LlamaForCausalLM'], max_position_embeddings: 64, ...sizes });
await using training = await openTraining(
  { config, weights: initialize(config, 1) },
  { optimizer: { learningRate: 1e-2 } },
);

// Two completions of one prompt, as token ids, and what they scored.
const promptIds = [12, 7, 30];
const inputs = [
  { promptIds, tokenIds: [5, 6, 2] },
  { promptIds, tokenIds: [9, 2] },
];
const { logProbs: samplerLogProbs } = await training.forward(inputs);
const targets = { loss: 'grpo', advantages: groupAdvantages([1, 0]), samplerLogProbs } as const;
const { loss, gradNorm, metrics } = await trainStep(training, { inputs, targets });
console.log({ loss, gradNorm, entropy: metrics['entropy'] });
