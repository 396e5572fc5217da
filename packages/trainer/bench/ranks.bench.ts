// Time of a step and bytes held of 2 ranks by each strategy, against one process with as many threads; all in turns, on one
// batch of 8 micro-batches. One JSON line a figure. Run: node bench/ranks.bench.ts [layers] [rounds] [tokens of a micro-batch]
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { initialize, parseConfig, saveModel } from '@forge/models';
import { thisHost } from '@forge/monarch';
import { Random } from '@forge/tensor';
import { openTraining, ParallelTrainer, trainStep } from '@forge/trainer';

const [layers = 4, rounds = 2, microBatchTokens = 512] = process.argv.slice(2).map(Number);
const numRanks = 2;

const config = parseConfig({
  architectures: ['Qwen3ForCausalLM'],
  vocab_size: 4096,
  hidden_size: 512,
  intermediate_size: 1536,
  num_hidden_layers: layers,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 64,
  max_position_embeddings: 4096,
  tie_word_embeddings: true,
});
const random = new Random('ranks');
const ids = (length: number): number[] => Array.from({ length }, () => random.integer(config.vocabSize));
/** Two sequences a micro-batch. */
const inputs = Array.from({ length: 16 }, () => ({ promptIds: ids(1), tokenIds: ids(microBatchTokens / 2) }));
const packing = { maxTokensPerMicroBatch: microBatchTokens };
const targets = { loss: 'sft' } as const;

interface Contestant {
  readonly name: string;
  readonly step: () => Promise<unknown>;
  readonly stepMs: number[];
}

await using resources = new AsyncDisposableStack();
const folder = await mkdtemp(join(tmpdir(), 'forge-ranks-'));
resources.defer(() => rm(folder, { recursive: true }));
const model = { config, weights: initialize(config, 1) };
await saveModel(folder, model);

async function alone(recompute: boolean): Promise<Contestant> {
  const training = resources.use(await openTraining(model, { ...packing, recompute, threads: numRanks }));
  return {
    name: recompute ? 'one process, layer by layer' : 'one process',
    step: () => trainStep(training, { inputs, targets }),
    stepMs: [],
  };
}

async function onRanks(strategy: 'dataParallel' | 'fullyShard' | 'pipeline', ranks: number) {
  const procs = resources.use(await thisHost().spawnProcs({ perHost: { rank: ranks } }));
  const options = { ...packing, model: folder, strategy, threads: numRanks / ranks };
  const trainer = resources.use(await ParallelTrainer.open(procs, options));
  return {
    name: `${strategy} on ${ranks} rank${ranks === 1 ? '' : 's'}`,
    step: () => trainer.trainStep(inputs, targets),
    stepMs: [] as number[],
    bytesHeld: () => trainer.bytesHeld(),
  };
}

const controls = { kept: await alone(false), layered: await alone(true) };
const contestants = [
  { control: controls.kept, ...(await onRanks('dataParallel', 1)) },
  { control: controls.kept, ...(await onRanks('dataParallel', 2)) },
  { control: controls.layered, ...(await onRanks('fullyShard', 1)) },
  { control: controls.layered, ...(await onRanks('fullyShard', 2)) },
  { control: controls.layered, ...(await onRanks('pipeline', 2)) },
];
for (let round = 0; round <= rounds; round++) {
  for (const { step, stepMs } of [...Object.values(controls), ...contestants]) {
    const start = performance.now();
    await step();
    if (round > 0) stepMs.push(performance.now() - start); // the first warms up
  }
}
const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)]!;
const numWeights = Object.values(model.weights).reduce((sum, { data }) => sum + data.length, 0);
const oneHolds = 16 * numWeights; // weights, gradients and both moments
const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20);
for (const { name, control, stepMs, bytesHeld } of contestants) {
  const [value, controlMs] = [median(stepMs), median(control.stepMs)];
  const figure = { bench: `step: ${name}, ${layers} layers, ${microBatchTokens} tokens`, value, unit: 'ms' };
  const against = { control: controlMs, controlIs: control.name, ratio: value / controlMs, load: loadavg()[0] };
  console.log(JSON.stringify({ ...figure, ...against }));
  const held = await bytesHeld();
  const most = Math.max(...held.map((each) => Object.values(each).reduce((sum, bytes) => sum + bytes, 0)));
  console.log(
    JSON.stringify({
      bench: `held by a rank: ${name}, ${layers} layers, ${microBatchTokens} tokens`,
      value: mebibytes(most),
      unit: 'MiB',
      control: mebibytes(oneHolds),
      controlIs: 'weights, gradients and moments of the model',
      ratio: most / oneHolds,
      parts: Object.fromEntries(
        Object.keys(held[0]!).map((part) => [part, mebibytes(held[0]![part as keyof (typeof held)[0]])]),
      ),
      load: loadavg()[0],
    }),
  );
}
