// One training step on a plain batch, every row as long as the next and every token learned: forward, backward and AdamW.
// Run: node bench/plain-step.bench.ts [sizes, such as A,B,C] [seconds a size] [modes, such as eager,compile] [threads]
// With FORGE_PYTHON, an interpreter that has torch, transformers and safetensors, Hugging Face's Qwen3ForCausalLM takes turns
// with ours on the same batch, after loss and gradients of both were found equal. One JSON line a figure; with TABLE=1 the
// operators of our graphs, too.
import { loadavg } from 'node:os';
import { initialize, type ModelConfig } from '@forge/models';
import { graph, input, matMul, type OperatorTime, openSession, profileTable } from '@forge/onnx';
import { Random, tensor } from '@forge/tensor';
import { openTraining, type Sequence, type Training, type TrainingOptions, trainStep } from '@forge/trainer';
import { configOf } from './model-sizes.ts';
import { PlainStepPeer } from './plain-step-peer.ts';
import { type Turn, takeTurns, turnOf } from './take-turns.ts';

/** Rows, and tokens of a row. */
const BATCHES: Readonly<Record<string, readonly [number, number]>> = { A: [32, 48], B: [16, 128], C: [4, 256] };
const PEAK = 'a product of 1024 × 1024 matrices';
const MEASURED_STEPS = 5;
const [wanted = 'A,B,C', seconds = '10', modes = 'eager', threads = '2'] = process.argv.slice(2);
const SESSION = { threads: Number(threads), spinning: threads !== '1' };
const python = process.env['FORGE_PYTHON'];

for (const size of wanted.split(',')) await measure(size);

async function measure(size: string): Promise<void> {
  const config = configOf(size);
  const [rows, tokens] = BATCHES[size]!; // one a model
  const random = new Random('plain step');
  const ids = (length: number): number[] => Array.from({ length }, () => random.integer(config.vocabSize));
  const inputs: Sequence[] = Array.from({ length: rows }, () => ({ promptIds: ids(1), tokenIds: ids(tokens) }));
  const model = { config, weights: initialize(config, 1) };
  const open = (options: TrainingOptions = {}): Promise<Training> =>
    openTraining(model, { ...SESSION, maxTokensPerMicroBatch: rows * tokens, ...options });
  const stepOf = (training: Training) => () =>
    trainStep(training, { inputs, targets: { loss: 'sft', learningRate: 0 } });

  await using training = await open();
  await using product = await openProduct(1024);
  await using peer =
    python === undefined ? undefined : await PlainStepPeer.open(python, model, inputs, SESSION.threads);
  await peer?.assertEqual(training);
  const theirs =
    peer === undefined ? [] : modes.split(',').map((mode): [string, Turn] => [`hf ${mode}`, peer.turn(mode)]);
  const contenders = Object.fromEntries([
    ['ours', turnOf(stepOf(training))],
    [PEAK, turnOf(product.run, 30)],
    ...theirs,
  ] satisfies [string, Turn][]);
  const times = await takeTurns(contenders, Number(seconds) * 1e3);

  for (const statistic of ['median', 'best'] as const) {
    const of = (name: string): number => times[name]![statistic]; // of a contender
    for (const [name] of theirs) print(`${size}, ${statistic}`, of('ours'), 'ms', name, of(name));
    const speed = (flop: number, ms: number): number => flop / ms / 1e6;
    const achieved = speed(flopOf(config, rows, tokens), of('ours'));
    print(
      `${size}, products a second of the step, ${statistic}`,
      achieved,
      'GFLOP/s',
      PEAK,
      speed(2 * 1024 ** 3, of(PEAK)),
    );
  }
  const operators: OperatorTime[] = [];
  {
    await using measured = await open({ onProfile: (session) => operators.push(...session) });
    for (let i = 0; i < MEASURED_STEPS; i++) await stepOf(measured)();
  }
  const sum = (some: readonly OperatorTime[]): number =>
    some.reduce((ms, { totalMs }) => ms + totalMs, 0) / MEASURED_STEPS;
  const products = operators.filter(({ operator }) => /MatMul|Gemm/.test(operator));
  print(`${size}, products in the graphs`, sum(products), 'ms', 'all operators', sum(operators));
  if (process.env['TABLE']) console.error(profileTable(operators));
}

function print(what: string, value: number, unit: string, control: string, controlValue: number): void {
  const rounded = (number: number): number => Number(number.toPrecision(4));
  const compared = { control, controlValue: rounded(controlValue), ratio: rounded(value / controlValue) };
  console.log(
    JSON.stringify({
      bench: `plain step ${what}, ${threads} threads`,
      value: rounded(value),
      unit,
      ...compared,
      load: loadavg()[0],
    }),
  );
}

/** A square product alone in a session: the most that the machine has to give. */
async function openProduct(width: number) {
  const matrix = [width, width];
  const session = await openSession(
    graph({ y: matMul(input('a', 'float32', matrix), input('b', 'float32', matrix)) }),
    SESSION,
  );
  const random = new Random('product');
  const filled = () =>
    tensor(
      'float32',
      matrix,
      Float32Array.from({ length: width ** 2 }, () => random.normal()),
    );
  const feeds = { a: filled(), b: filled() };
  const fetches = { y: filled() };
  return { run: () => session.run(feeds, fetches), [Symbol.asyncDispose]: () => session[Symbol.asyncDispose]() };
}

/** Floating-point operations in the products that a step needs: 6 a weight and token, and causal attention. */
function flopOf(config: ModelConfig, rows: number, tokens: number): number {
  const { hiddenSize: D, headDim: C, intermediateSize: F, numHiddenLayers, vocabSize } = config;
  const heads = config.numAttentionHeads * C;
  const weights = numHiddenLayers * (D * (2 * heads + 2 * config.numKeyValueHeads * C) + 3 * D * F) + vocabSize * D;
  const attention = numHiddenLayers * heads * (tokens + 1);
  return 6 * rows * tokens * (weights + attention);
}
