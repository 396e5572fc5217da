// Training at the size of Qwen3-0.6B (random weights): what opening, a step and a checkpoint cost in time and memory, each in
// a process of its own. One JSON line a figure. Writes about 10 GB into a temporary folder, and takes minutes.
// Run: node bench/big-model.bench.ts [modes, such as step,lora] ; LAYERS=4 for a smaller model, FORGE_PYTHON=python for PyTorch
import { spawnSync } from 'node:child_process';
import { mkdtemp, open, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ModelConfig, parameters, parseConfig, type Weights, writeSafetensors } from '@forge/models';
import { Random, tensor } from '@forge/tensor';
import { CheckpointSeries, openTraining, type Sequence, type Training, type TrainingOptions } from '@forge/trainer';

const TOKENS = 1024;
const THREADS = 2;

const json = {
  architectures: ['Qwen3ForCausalLM'],
  model_type: 'qwen3',
  vocab_size: 151_936,
  hidden_size: 1024,
  intermediate_size: 3072,
  num_hidden_layers: Number(process.env['LAYERS'] ?? 28),
  num_attention_heads: 16,
  num_key_value_heads: 8,
  head_dim: 128,
  max_position_embeddings: 4096,
  tie_word_embeddings: true,
  torch_dtype: 'float32',
};
const config = parseConfig(json);
const numParameters = parameters(config).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);

type Figures = Record<string, number>;

const modes: Readonly<Record<string, (folder: string) => Promise<Figures>>> = {
  write: async (folder) => {
    const weights = randomWeights(config);
    await writeSafetensors(join(folder, 'model.safetensors'), weights);
    await writeFile(join(folder, 'config.json'), JSON.stringify(json));
    return {};
  },
  step: (folder) => measureStep(folder, {}),
  lora: (folder) => measureStep(folder, { lora: { rank: 16 } }),
  save: measureSave,
};

/** Numbers that are quick to make: what they are does not matter to time or memory. */
function randomWeights(config: ModelConfig): Weights {
  const random = new Random('big');
  const noise = Float32Array.from({ length: 1 << 20 }, () => 0.02 * random.normal());
  return Object.fromEntries(
    parameters(config).map(({ name, shape, role }) => {
      const weight = tensor('float32', shape);
      if (role === 'norm') weight.data.fill(1);
      else {
        for (let at = 0; at < weight.data.length; at += noise.length) {
          weight.data.set(noise.subarray(0, Math.min(noise.length, weight.data.length - at)), at);
        }
      }
      return [name, weight];
    }),
  );
}

/** Opens with recomputation. */
async function opened(folder: string, options: TrainingOptions): Promise<{ training: Training; openS: number }> {
  const start = performance.now();
  const training = await openTraining(folder, { recompute: true, threads: THREADS, ...options });
  return { training, openS: seconds(start) };
}

async function measureStep(folder: string, options: TrainingOptions): Promise<Figures> {
  const { training, openS } = await opened(folder, options);
  const loadedGB = await peakGB();
  const stepS: number[] = [];
  const optimizerS: number[] = [];
  for (let i = 0; i < Number(process.env['STEPS'] ?? 2); i++) {
    const start = performance.now();
    await backward(training);
    const middle = performance.now();
    training.optimizerStep();
    optimizerS.push(seconds(middle));
    stepS.push(seconds(start));
  }
  const figures = { openS, loadedGB, stepS: Math.min(...stepS), optimizerS: Math.min(...optimizerS) };
  await training[Symbol.asyncDispose]();
  return { ...figures, peakGB: await peakGB() };
}

/** Every token learns. */
async function backward(training: Training): Promise<void> {
  const random = new Random('tokens');
  const sequences: Sequence[] = Array.from({ length: 4 }, () => ({
    promptIds: [1],
    tokenIds: Array.from({ length: TOKENS / 4 - 1 }, () => random.integer(config.vocabSize)),
  }));
  const weights = sequences.map(({ tokenIds }) => tokenIds.map(() => -1 / TOKENS));
  await training.forwardBackward(sequences, weights);
}

async function measureSave(folder: string): Promise<Figures> {
  const { training } = await opened(folder, {});
  await using _ = training;
  const series = new CheckpointSeries(join(folder, 'checkpoints'), { keep: 1 });
  let longestMs = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - last);
    last = performance.now();
  }, 5);
  const start = performance.now();
  const saving = series.save(training);
  let savedS = 0;
  const saved = saving.then(() => (savedS = seconds(start)));
  if (process.env['SAVE_ALONE'] === undefined) await backward(training);
  await saved;
  clearInterval(timer);
  const resuming = performance.now();
  await series.resumeLatest(training);
  return {
    savedS,
    stallMs: longestMs,
    resumeS: seconds(resuming),
    rawWriteS: await rawWrite(folder),
    peakGB: await peakGB(),
  };
}

/** Seconds that as many bytes as a checkpoint has take in one file, synced. */
async function rawWrite(folder: string): Promise<number> {
  const start = performance.now();
  await using file = await open(join(folder, 'raw'), 'w');
  const chunk = new Uint8Array(1 << 23);
  for (let at = 0; at < 12 * numParameters; at += chunk.length) await file.write(chunk);
  await file.sync();
  return seconds(start);
}

const seconds = (start: number): number => (performance.now() - start) / 1e3;

/** The most that this process has held, and what lies in shared memory. */
async function peakGB(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8');
  const { bsize, blocks, bfree } = await statfs('/dev/shm');
  return (Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024 + bsize * (blocks - bfree)) / 1e9;
}

const [wanted = 'step,lora,save', mode, path] = process.argv.slice(2);
if (mode !== undefined) console.log(JSON.stringify(await modes[mode]!(path!)));
else {
  const folder = await mkdtemp(join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'forge-big-'));
  try {
    for (const each of ['write', ...wanted.split(',')]) {
      const { stdout, stderr, status } = spawnSync(process.execPath, [import.meta.filename, wanted, each, folder], {
        encoding: 'utf8',
      });
      if (status !== 0) throw new Error(stderr);
      for (const [name, value] of Object.entries(JSON.parse(stdout) as Figures)) {
        console.log(
          JSON.stringify({
            bench: `${each} at ${Math.round(numParameters / 1e6)} M: ${name}`,
            value,
            load: loadavg()[0],
          }),
        );
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
