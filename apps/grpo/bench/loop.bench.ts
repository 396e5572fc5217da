// Completions a second of the whole loop in its processes, beside TRL's GRPOTrainer on the same model, problems and batch:
// 8 prompts × 8 completions of at most 16 tokens a step, 0.8 million parameters, on two cores. One JSON line a figure.
// Run: PEER_PYTHON=<interpreter with trl> node bench/loop.bench.ts [steps] [rounds]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { wordTokenizer, writeTinyModel } from '@forge/run';

const [steps = '120', rounds = '2'] = process.argv.slice(2);
/** Steps at the begin, in which graphs are made and memory is taken. */
const WARM_UP = 10;
const COMPLETIONS = 64;
const main = path.resolve(import.meta.dirname, '../dist/main.js');
const folder = mkdtempSync(path.join(tmpdir(), 'forge-loop-'));
const model = path.join(folder, 'model');
const data = path.join(folder, 'sums.jsonl');

interface Rate {
  readonly completionsPerSecond: number;
  readonly meanLength: number;
}

try {
  await writeTinyModel(
    model,
    wordTokenizer([]),
    {
      hiddenSize: 128,
      numLayers: 4,
      numAttentionHeads: 4,
      numKeyValueHeads: 2,
      headDim: 32,
      intermediateSize: 384,
      maxPositions: 128,
    },
    1,
  );
  const sums = Array.from({ length: 270 }, (_, i) => [10 + Math.floor(i / 9), 1 + (i % 9)] as const);
  writeFileSync(
    data,
    sums.map(([a, b]) => `${JSON.stringify({ question: `${a}+${b}=`, answer: `#### ${a + b}` })}\n`).join(''),
  );
  for (const beta of [0, 0.04]) {
    const measured = Array.from({ length: Number(rounds) }, (_, round) => ({
      peer: trl(beta),
      forge: forge(beta, round),
    }));
    const peer = median(measured.flatMap((pair) => pair.peer?.completionsPerSecond ?? []));
    const value = median(measured.map((pair) => pair.forge.completionsPerSecond));
    print({
      bench: `loop, beta ${beta}`,
      value,
      unit: 'completions/s',
      ...(peer && { control: peer, ratio: value / peer }),
    });
    console.error(JSON.stringify(measured));
  }
} finally {
  rmSync(folder, { recursive: true });
}

/** One run of the app, as `npm start` runs it: eight processes and more. */
function forge(beta: number, round: number): Rate {
  const settings = [
    `run.folder=${folder}`,
    `run.name=beta-${beta}-${round}`,
    `model.path=${model}`,
    `dataset.path=${data}`,
    'dataset.heldOut=1',
    'warmup.maxSteps=0',
    `grpo.steps=${steps}`,
    'grpo.stopAccuracy=1',
    'grpo.groupsPerStep=8',
    'grpo.groupSize=8',
    `grpo.beta=${beta}`,
    'grpo.learningRate=1e-6', // completions keep their lengths
    'grpo.schedule=constant',
    'generator.maxTokens=16',
    'generator.temperature=1',
    'evaluation.every=100000',
    'evaluation.problems=1',
    'checkpoint.every=0',
    'trainer.threads=1', // the other core samples
  ];
  execFileSync(process.execPath, [main, ...settings], { stdio: ['ignore', 'ignore', 'inherit'] });
  const lines = readFileSync(path.join(folder, `beta-${beta}-${round}`, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n');
  const rows = lines.map((line) => JSON.parse(line) as Readonly<Record<string, number>>).slice(WARM_UP, -1);
  const seconds = rows.at(-1)!['wallSeconds']! - rows[0]!['wallSeconds']!;
  const lengths = rows.map((row) => row['completions/meanLength']!);
  return {
    completionsPerSecond: ((rows.length - 1) * COMPLETIONS) / seconds,
    meanLength: lengths.reduce((sum, length) => sum + length, 0) / lengths.length,
  };
}

/** The same in TRL, with the interpreter that PEER_PYTHON names; `undefined` where there is none. */
function trl(beta: number): Rate | undefined {
  const interpreter = process.env['PEER_PYTHON'];
  if (interpreter === undefined) return undefined;
  const script = path.join(import.meta.dirname, 'trl_loop.py');
  const output = execFileSync(interpreter, [script, '--model', model, '--data', data, '--beta', String(beta)], {
    stdio: ['ignore', 'pipe', 'ignore'],
    encoding: 'utf8',
  });
  return JSON.parse(output.trim().split('\n').at(-1)!) as Rate;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

function print(figure: Readonly<Record<string, number | string>>): void {
  const rounded = Object.entries(figure).map(([key, value]) => [
    key,
    typeof value === 'number' ? Number(value.toPrecision(4)) : value,
  ]);
  console.log(JSON.stringify({ ...Object.fromEntries(rounded), load: Number(loadavg()[0]?.toFixed(2)) }));
}
