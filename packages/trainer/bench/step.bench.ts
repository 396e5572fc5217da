// Prints one JSON line a figure. Run: node bench/step.bench.ts
import { initialize, parseConfig } from '@forge/models';
import { Random } from '@forge/tensor';
import { AdamW, clipGradNorm, openTraining, type Sequence, type TrainingOptions } from '@forge/trainer';

function print(
  bench: string,
  value: number,
  unit: string,
  control?: { readonly what: string; readonly value: number },
): void {
  const compared = control && {
    control: control.what,
    controlValue: round(control.value),
    ratio: round(value / control.value),
  };
  console.log(JSON.stringify({ bench, value: round(value), unit, ...compared }));
}

const round = (value: number): number => Number(value.toPrecision(4));

/** Milliseconds of the fastest of several runs. */
async function fastest(runs: number, work: () => unknown): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    await work();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

const random = new Random('bench');
const count = 1 << 22;
const weights = Float32Array.from({ length: count }, () => random.normal());
const gradients = Float32Array.from({ length: count }, () => 1e-3 * random.normal());
const moment = new Float32Array(count);
const optimizer = new AdamW(weights);
const averageMs = await fastest(10, () => {
  for (let i = 0; i < count; i++) moment[i] = 0.9 * moment[i]! + 0.1 * gradients[i]!;
});
const adamWMs = await fastest(10, () => optimizer.step(weights, gradients));
print('AdamW per weight', (adamWMs * 1e6) / count, 'ns', {
  what: 'one moving average',
  value: (averageMs * 1e6) / count,
});
print('gradient norm per weight', ((await fastest(10, () => clipGradNorm(gradients, 1e9))) * 1e6) / count, 'ns');

const config = parseConfig({
  architectures: ['Qwen3ForCausalLM'],
  model_type: 'qwen3',
  vocab_size: 256,
  hidden_size: 128,
  intermediate_size: 384,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 32,
  max_position_embeddings: 512,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  tie_word_embeddings: true,
});
const model = { config, weights: initialize(config, 1) };
const numWeights = Object.values(model.weights).reduce((sum, { data }) => sum + data.length, 0);

/** 64 completions of 8 to 64 tokens after prompts of 16: 8 groups of 8. */
const ids = (length: number): number[] => Array.from({ length }, () => random.integer(config.vocabSize));
const sequences: Sequence[] = Array.from({ length: 64 }, () => ({
  promptIds: ids(16),
  tokenIds: ids(8 + random.integer(57)),
}));
const tokenWeights = sequences.map(({ tokenIds }) => Float64Array.from(tokenIds, () => random.normal()));
const numTokens = sequences.reduce((sum, { promptIds, tokenIds }) => sum + promptIds.length + tokenIds.length, 0);

async function timings(options: TrainingOptions) {
  await using training = await openTraining(model, options);
  const backward = async (): Promise<unknown> => {
    training.zeroGradients();
    return training.forwardBackward(sequences, tokenWeights);
  };
  await backward();
  return {
    forwardMs: await fastest(8, () => training.forward(sequences)),
    backwardMs: await fastest(8, backward),
    optimizerMs: await fastest(8, () => training.optimizerStep()),
  };
}

const packed = await timings({});
const padded = await timings({ tokensPerRow: 1 });
const label = `${(numWeights / 1e6).toFixed(2)}M weights, ${sequences.length} sequences, ${numTokens} tokens`;
print(`forward+backward (${label})`, packed.backwardMs, 'ms', { what: 'forward', value: packed.forwardMs });
print(`optimiser step (${label})`, packed.optimizerMs, 'ms', { what: 'forward+backward', value: packed.backwardMs });
print('tokens a second, forward+backward', (1e3 * numTokens) / packed.backwardMs, 'tokens/s');
print('forward+backward, packed', packed.backwardMs, 'ms', { what: 'one row a sequence', value: padded.backwardMs });
for (const tokensPerRow of [128, 256, 512]) {
  const wider = await timings({ tokensPerRow });
  print(`forward+backward, rows of ${tokensPerRow}`, wider.backwardMs, 'ms', {
    what: 'default rows',
    value: packed.backwardMs,
  });
}
