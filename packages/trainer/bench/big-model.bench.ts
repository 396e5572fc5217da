// Training at the size of Qwen3-0.6B (random weights): what opening, a step and a checkpoint cost in time and memory, each in
// a process of its own. One JSON line a figure. Takes minutes, and 10 GB of disk and of memory.
// Run: node bench/big-model.bench.ts [modes, such as step,lora] [a folder where the model is kept for the next run]
// LAYERS=4 makes it smaller; FORGE_PYTHON=python, with torch and transformers, runs the same step in PyTorch.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
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
};
const config = parseConfig(json);
const numParameters = parameters(config).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);

type Figures = Record<string, number>;

const modes: Readonly<Record<string, (folder: string) => Promise<Figures>>> = {
  write: async (folder) => {
    const weights = randomWeights(config);
    for (const dtype of ['bfloat16', 'float32'] as const) {
      await mkdir(join(folder, dtype), { recursive: true });
      await writeFile(join(folder, dtype, 'config.json'), JSON.stringify({ ...json, torch_dtype: dtype }));
      await writeSafetensors(join(folder, dtype, 'model.safetensors'), weights, { dtype });
    }
    return {};
  },
  step: (folder) => measureStep(folder, {}),
  lora: (folder) => measureStep(folder, { lora: { rank: 16 } }),
  save: measureSave,
  float32: (folder) => measureLoad(join(folder, 'float32')),
  bfloat16: (folder) => measureLoad(join(folder, 'bfloat16')),
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
  const training = await openTraining(join(folder, 'float32'), { recompute: true, threads: THREADS, ...options });
  return { training, openS: seconds(start) };
}

async function measureStep(folder: string, options: TrainingOptions): Promise<Figures> {
  const { training, openS } = await opened(folder, options);
  const loadedGB = await peakGB();
  // A short step first: memory that is touched for the first time is slow.
  await backward(training, TOKENS / 8);
  training.optimizerStep();
  const start = performance.now();
  await backward(training);
  const backwardS = seconds(start);
  training.optimizerStep();
  const stepS = seconds(start);
  // Forward, once more in backward, and two products each for the gradients: of the weights, where they are trained, and of x.
  const passes = options.lora === undefined ? 4 : 3;
  const gigaflops = (2 * passes * numParameters * TOKENS) / backwardS / 1e9;
  await training[Symbol.asyncDispose]();
  return { openS, loadedGB, stepS, backwardS, backwardGFLOPs: gigaflops, peakGB: await peakGB() };
}

/** Every token learns. */
async function backward(training: Training, tokens = TOKENS): Promise<void> {
  const random = new Random('tokens');
  const sequences: Sequence[] = Array.from({ length: 4 }, () => ({
    promptIds: [1],
    tokenIds: Array.from({ length: tokens / 4 - 1 }, () => random.integer(config.vocabSize)),
  }));
  const weights = sequences.map(({ tokenIds }) => tokenIds.map(() => -1 / tokens));
  await training.forwardBackward(sequences, weights);
}

/** A save beside backward passes. */
async function measureSave(folder: string): Promise<Figures> {
  const { training } = await opened(folder, {});
  await using _ = training;
  await mkdir(join(folder, 'work'), { recursive: true });
  const series = new CheckpointSeries(join(folder, 'work', 'checkpoints'), { keep: 1 });
  let stallMs = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    stallMs = Math.max(stallMs, performance.now() - last);
    last = performance.now();
  }, 5);
  const start = performance.now();
  let savedS = 0;
  const saved = series.save(training).then(() => {
    savedS = seconds(start);
  });
  while (savedS === 0) await backward(training, TOKENS / 4);
  await saved;
  clearInterval(timer);
  const resuming = performance.now();
  await series.resumeLatest(training);
  const resumeS = seconds(resuming);
  await rm(join(folder, 'work'), { recursive: true });
  return { rawWriteS: await rawWrite(folder), savedS, stallMs, resumeS, peakGB: await peakGB() };
}

/** Opens a folder that stores its weights in some dtype. */
async function measureLoad(folder: string): Promise<Figures> {
  const start = performance.now();
  await using _ = await openTraining(folder, { recompute: true, threads: THREADS });
  return { openS: seconds(start), peakGB: await peakGB() };
}

/** Seconds that as many bytes as a checkpoint has take in one file, synced. */
async function rawWrite(folder: string): Promise<number> {
  const start = performance.now();
  await mkdir(join(folder, 'work'), { recursive: true });
  await using file = await open(join(folder, 'work', 'raw'), 'w');
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

/** What a figure is compared with: another figure of ours or PyTorch's, or a limit. */
const controls: Readonly<Record<string, readonly [control: number | string, what: string]>> = {
  'step openS': [10, 'limit'],
  'step peakGB': [(16 * 1.25 * numParameters) / 1e9, '16 bytes a parameter and a quarter more'],
  'lora peakGB': [6, 'limit'],
  'save savedS': ['save rawWriteS', 'as many bytes written to one file and synced'],
  'save stallMs': [1000, 'limit'],
  'step stepS': ['torch stepS', 'PyTorch, gradient checkpointing'],
};

const [wanted = 'step,lora,save,float32,bfloat16', kept, mode] = process.argv.slice(2);
if (mode !== undefined) console.log(JSON.stringify(await modes[mode]!(kept!)));
else {
  const folder = kept ?? (await mkdtemp(join(tmpdir(), 'forge-big-')));
  const found = new Map<string, number>();
  try {
    await mkdir(folder, { recursive: true });
    const isThere = (await readdir(folder)).includes('float32');
    const python = process.env['FORGE_PYTHON'];
    if (python !== undefined)
      await collect('torch', python, [join(import.meta.dirname, 'big_model_torch.py'), join(folder, 'float32')]);
    for (const each of [...(isThere ? [] : ['write']), ...wanted.split(',')])
      await collect(each, process.execPath, [import.meta.filename, '', folder, each]);
  } finally {
    await rm(kept === undefined ? folder : join(folder, 'work'), { recursive: true, force: true });
  }

  /** Runs one mode, and prints its figures. */
  async function collect(each: string, command: string, args: readonly string[]): Promise<void> {
    const { stdout } = await promisify(execFile)(command, args);
    for (const [name, value] of Object.entries(JSON.parse(stdout) as Figures)) {
      found.set(`${each} ${name}`, value);
      const [control, what] = controls[`${each} ${name}`] ?? [];
      const compared = typeof control === 'string' ? found.get(control) : control;
      console.log(
        JSON.stringify({
          bench: `${each} at ${Math.round(numParameters / 1e6)} M: ${name}`,
          value: Number(value.toPrecision(4)),
          unit: /(GFLOPs|GB|Ms|S)$/.exec(name)?.[0].replace('GFLOPs', 'GFLOP/s').replace('Ms', 'ms').replace('S', 's'),
          ...(compared !== undefined && {
            control: compared,
            controlIs: what,
            ratio: Number((value / compared).toPrecision(3)),
          }),
          load: loadavg()[0],
        }),
      );
    }
  }
}
