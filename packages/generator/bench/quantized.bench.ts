import { initialize, parseConfig } from '@forge/models';
import { Random } from '@forge/tensor';
import { Runner } from '../src/index.ts';
import { print } from './print.ts';

// Decoding and prefill by form of the weights, at the shape of Qwen3-0.6B with random weights; control: float32.
// LAYERS=4 makes it a seventh of the work and of the 5 GiB that it needs.
const threads = 2;
const numLayers = Number(process.env['LAYERS'] ?? 28);
const numPromptTokens = 64;
const numSteps = 16;
const config = parseConfig({
  architectures: ['Qwen3ForCausalLM'],
  model_type: 'qwen3',
  vocab_size: 151_936,
  hidden_size: 1024,
  intermediate_size: 3072,
  num_hidden_layers: numLayers,
  num_attention_heads: 16,
  num_key_value_heads: 8,
  head_dim: 128,
  max_position_embeddings: 4096,
  rms_norm_eps: 1e-6,
  rope_theta: 1e6,
  tie_word_embeddings: true,
  hidden_act: 'silu',
  initializer_range: 0.02,
});
const weights = initialize(config, 0);
const random = new Random(0);
const controls = new Map<string, number>();

for (const quantization of [undefined, 'int8'] as const) {
  await using runner = await Runner.open(config, weights, { threads, quantization });
  for (const numSequences of [1, 16]) {
    const rows = Array.from({ length: numSequences }, (_, slot) => ({
      ids: Array.from({ length: numPromptTokens }, () => random.integer(config.vocabSize)),
      slots: [slot],
    }));
    const room = { numSlots: numSequences, longest: numPromptTokens + numSteps + 1 };
    await runner.prefill(rows, room); // the first run packs and warms
    const prefillStart = performance.now();
    await runner.prefill(rows, room);
    const prefillMs = performance.now() - prefillStart;
    const steps: number[] = [];
    for (let step = 0; step < numSteps; step++) {
      const started = performance.now();
      await runner.decode(rows.map(() => ({ tokenId: step, numTokens: numPromptTokens + step + 1 })));
      steps.push(performance.now() - started);
    }
    const stepMs = steps.toSorted((a, b) => a - b)[numSteps >> 1]!;
    const what = `${numSequences} × ${numPromptTokens} tokens, ${numLayers} layers of the 0.6B shape, ${threads} threads`;
    const figures = [
      [`decode ${what}`, (numSequences * 1e3) / stepMs],
      [`prefill ${what}`, (numSequences * numPromptTokens * 1e3) / prefillMs],
    ] as const;
    for (const [bench, value] of figures) {
      if (quantization === undefined) controls.set(bench, value);
      const control = controls.get(bench)!; // float32 comes first
      print({ bench: `${bench}, ${quantization ?? 'float32'}; control: float32`, value, unit: 'tokens/s', control });
    }
  }
}
