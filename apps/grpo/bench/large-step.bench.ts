// A step of GRPO at the size of Qwen3-0.6B (random weights): adapters on a frozen model, rollouts of 8 bits, problems in the form of
// GSM8K. Memory of all processes together, and where the time goes. One JSON line a figure. Takes minutes, and 3 GB of disk.
// Run: node bench/large-step.bench.ts [a folder where the model is kept for the next run]; LAYERS=4 makes it smaller.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { type ModelConfig, parameters, parseConfig, saveModel, type Weights } from '@forge/models';
import { wordTokenizer } from '@forge/run';
import { Random, tensor } from '@forge/tensor';

const STEPS = 1;
const main = path.resolve(import.meta.dirname, '../dist/main.js');
const [given, mode] = process.argv.slice(2);
const config = parseConfig({
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
});

if (mode === 'write') await writeModel(given!);
else await measure(given ?? mkdtempSync(path.join(tmpdir(), 'forge-large-')));

async function measure(folder: string): Promise<void> {
  try {
    // In a process of its own, whose memory goes with it.
    if (!existsSync(path.join(folder, 'model.safetensors'))) {
      execFileSync(process.execPath, [import.meta.filename, folder, 'write'], { stdio: 'inherit' });
    }
    const data = path.join(folder, 'problems.jsonl');
    writeFileSync(data, problems(40));
    const run = path.join(folder, 'runs');
    rmSync(run, { recursive: true, force: true });
    const peakBytes = await runApp([
      '--config',
      path.resolve(import.meta.dirname, '../configs/lora.yaml'),
      `run.folder=${run}`,
      'run.name=large',
      `model.path=${folder}`,
      `dataset.path=${data}`,
      'dataset.heldOut=2',
      `grpo.steps=${STEPS}`,
      'grpo.groupsPerStep=2',
      'grpo.groupSize=4',
      'grpo.maxPolicyAge=0', // each phase has the cores for itself
      'generator.maxTokens=48',
      'generator.threads=2',
      'generator.kvCacheBytes=1073741824',
      'evaluation.problems=2',
      'evaluation.every=100',
      'evaluation.atStart=false',
      'checkpoint.every=0',
    ]);
    print('large step, peak of all processes', peakBytes / 1e9, 'GB');
    const lines = readFileSync(path.join(run, 'large', 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n');
    const step = JSON.parse(lines[0]!) as Readonly<Record<string, number>>;
    for (const phase of ['waitForBatch', 'train', 'publish']) {
      print(`large step, ${phase}`, step[`perf/${phase}Seconds`] ?? Number.NaN, 's');
    }
  } finally {
    if (given === undefined) rmSync(folder, { recursive: true });
  }
}

/** Runs the app to its end; the most memory that its processes had together, by their shares of each page. */
async function runApp(settings: readonly string[]): Promise<number> {
  const app = spawn(process.execPath, [main, ...settings], { stdio: ['ignore', 'inherit', 'inherit'] });
  let peakBytes = 0;
  const timer = setInterval(() => {
    const total = familyOf(app.pid!).reduce((sum, pid) => sum + pssBytes(pid), 0); // it was started
    peakBytes = Math.max(peakBytes, total);
  }, 500);
  const code = await new Promise((resolve) => app.once('close', resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(`The app ended with ${String(code)}.`);
  return peakBytes;
}

/** A process and all below it. */
function familyOf(pid: number): readonly number[] {
  const parents = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      const parent = /\) \S (\d+)/.exec(textOf(`/proc/${entry}/stat`))?.[1];
      return parent === undefined ? [] : [{ pid: Number(entry), parent: Number(parent) }];
    });
  const below = (of: number): readonly number[] => [
    of,
    ...parents.filter(({ parent }) => parent === of).flatMap((each) => below(each.pid)),
  ];
  return below(pid);
}

function pssBytes(pid: number): number {
  return Number(/^Pss: +(\d+)/m.exec(textOf(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024;
}

/** Empty when it is gone. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

async function writeModel(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(wordTokenizer(['How', 'many', 'has', 'and']))) {
    writeFileSync(path.join(folder, name), JSON.stringify(content));
  }
  await saveModel(folder, { config, weights: randomWeights(config), dtype: 'bfloat16' });
}

/** Numbers that are quick to make: what they are does not matter to time or memory. */
function randomWeights(of: ModelConfig): Weights {
  const random = new Random('large');
  const noise = Float32Array.from({ length: 1 << 20 }, () => 0.02 * random.normal());
  return Object.fromEntries(
    parameters(of).map(({ name, shape, role }) => {
      const weight = tensor('float32', shape);
      if (role === 'norm') weight.data.fill(1);
      else
        for (let at = 0; at < weight.data.length; at += noise.length)
          weight.data.set(noise.subarray(0, weight.data.length - at), at);
      return [name, weight];
    }),
  );
}

function problems(count: number): string {
  return Array.from({ length: count }, (_, i) => {
    const record = {
      question: `Tom has ${10 + i} and ${i}. How many?`,
      answer: `${10 + i} + ${i}\n#### ${10 + 2 * i}`,
    };
    return `${JSON.stringify(record)}\n`;
  }).join('');
}

function print(bench: string, value: number, unit: string): void {
  console.log(
    JSON.stringify({ bench, value: Number(value.toPrecision(4)), unit, load: Number(loadavg()[0]!.toFixed(2)) }),
  );
}
