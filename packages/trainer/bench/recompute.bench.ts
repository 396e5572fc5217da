// Memory and time of a step that keeps activations and of one that computes them again, layer by layer; each in a process of
// its own. One JSON line a figure. Run: node bench/recompute.bench.ts [layers] [tokens]
import { spawnSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { initialize, parseConfig } from '@forge/models';
import { Random } from '@forge/tensor';
import { openTraining } from '@forge/trainer';

const [layers = '8', tokens = '2048', mode] = process.argv.slice(2);

/** Bytes that the process has held at most, and milliseconds of a step and of opening. */
async function measure(recompute: boolean): Promise<Record<string, number>> {
  const config = parseConfig({
    architectures: ['Qwen3ForCausalLM'],
    vocab_size: 4096,
    hidden_size: 512,
    intermediate_size: 1536,
    num_hidden_layers: Number(layers),
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 64,
    max_position_embeddings: 4096,
    tie_word_embeddings: true,
  });
  const random = new Random('recompute');
  const weights = initialize(config, 1);
  const numWeights = Object.values(weights).reduce((sum, { data }) => sum + data.length, 0);
  const sequences = Array.from({ length: 4 }, () => ({
    promptIds: [1],
    tokenIds: Array.from({ length: Number(tokens) / 4 }, () => random.integer(config.vocabSize)),
  }));
  const tokenWeights = sequences.map(({ tokenIds }) => tokenIds.map(() => -1 / Number(tokens)));
  const opening = performance.now();
  await using training = await openTraining(
    { config, weights },
    { recompute, threads: 2, maxTokensPerMicroBatch: 4096 },
  );
  const openMs = performance.now() - opening;
  const stepMs: number[] = [];
  for (let step = 0; step < 3; step++) {
    const start = performance.now();
    await training.forwardBackward(sequences, tokenWeights);
    training.optimizerStep();
    stepMs.push(performance.now() - start);
  }
  return {
    openMs,
    stepMs: Math.min(...stepMs),
    peakMiB: process.resourceUsage().maxRSS / 1024,
    weightsMiB: numWeights / 2 ** 18,
  };
}

if (mode === undefined) {
  const [kept, again] = ['kept', 'recomputed'].map((each) => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [import.meta.filename, layers, tokens, each], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as Record<string, number>;
  }) as [Record<string, number>, Record<string, number>];
  for (const [name, unit] of [
    ['peakMiB', 'MiB'],
    ['stepMs', 'ms'],
    ['openMs', 'ms'],
  ] as const) {
    const figure = {
      bench: `recompute ${layers} layers of width 512, ${tokens} tokens: ${name}`,
      value: again[name],
      unit,
    };
    const control = { control: kept[name], controlIs: 'activations kept', ratio: again[name]! / kept[name]! };
    console.log(JSON.stringify({ ...figure, ...control, weightsMiB: again['weightsMiB'], load: loadavg()[0] }));
  }
} else console.log(JSON.stringify(await measure(mode === 'recomputed')));
